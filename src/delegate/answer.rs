//! What the delegate answers where the plan says nothing else.

use serde_json::{Value, json};

use super::{Behaviour, Call, Failure, code};

/// All versions of the specification.
pub const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The gateway of every default result.
pub const GATEWAY: &str = "10.123.0.1";

/// The error code where the plan gives none.
pub const CODE: u32 = 123;

/// The address of the default result after that many ADDs.
pub fn address(earlier: usize) -> String {
    // .1 is the gateway, .255 the broadcast address.
    format!("10.123.0.{}/24", 2 + earlier % 253)
}

/// The version of a configuration; without one it is of the first.
pub(super) fn version_of(config: Option<&Value>) -> &str {
    config.and_then(|config| config["cniVersion"].as_str()).unwrap_or(VERSIONS[0])
}

/// The error object that a plan asks for.
pub(super) fn error(call: &Call, behaviour: &Behaviour) -> Value {
    let mut error = json!({
        "cniVersion": version_of(call.config.as_ref()),
        "code": behaviour.code.unwrap_or(CODE),
        "msg": behaviour.msg.as_deref().unwrap_or("stdcheck-delegate fails as it was told to"),
    });
    if let Some(details) = &behaviour.details {
        error["details"] = json!(details);
    }
    error
}

/// What a call that succeeds prints, where it prints anything.
pub(super) fn usual(call: &Call, earlier: usize) -> Result<Option<Value>, Failure> {
    match call.command.as_str() {
        "VERSION" => {
            let asked = call.config.as_ref().and_then(|config| config["cniVersion"].as_str());
            let version = asked.unwrap_or(VERSIONS[VERSIONS.len() - 1]);
            Ok(Some(json!({ "cniVersion": version, "supportedVersions": VERSIONS })))
        }
        "ADD" => added(call, earlier).map(Some),
        "DEL" | "CHECK" | "STATUS" | "GC" => Ok(None),
        other => Err(Failure::new(code::INVALID_ENVIRONMENT, format!("CNI_COMMAND is `{other}`"))),
    }
}

fn added(call: &Call, earlier: usize) -> Result<Value, Failure> {
    let Some(config @ Value::Object(_)) = &call.config else {
        return Err(Failure::new(code::UNDECODABLE, "the configuration is no JSON object"));
    };
    if let (Some(previous), None) = (config.get("prevResult"), config.get("ipam")) {
        return Ok(previous.clone());
    }
    let version = version_of(Some(config));
    let address = address(earlier);
    let routes = json!([{ "dst": "0.0.0.0/0" }]);
    match version {
        "0.1.0" | "0.2.0" => Ok(json!({
            "cniVersion": version,
            "ip4": { "ip": address, "gateway": GATEWAY, "routes": routes },
        })),
        "0.3.0" | "0.3.1" | "0.4.0" => Ok(json!({
            "cniVersion": version,
            "ips": [{ "version": "4", "address": address, "gateway": GATEWAY }],
            "routes": routes,
        })),
        "1.0.0" | "1.1.0" => Ok(json!({
            "cniVersion": version,
            "ips": [{ "address": address, "gateway": GATEWAY }],
            "routes": routes,
        })),
        other => Err(Failure::new(code::INCOMPATIBLE_VERSION, format!("cniVersion is `{other}`"))),
    }
}

/// What an ADD of a container runtime is answered with: the first plugin of a list says that it made
/// the interface, each later one adds a route to what the one before it said, so that their results
/// can be told apart. Nothing is made.
pub(super) fn attached(call: &Call, earlier: usize) -> Result<Value, Failure> {
    let mut result = added(call, earlier)?;
    let variable = |name: &str| call.env.get(name).cloned().unwrap_or_default();
    let chained = call.config.as_ref().is_some_and(|config| config.get("prevResult").is_some());
    if !chained && result.get("ips").is_some() {
        result["interfaces"] = json!([{
            "name": variable("CNI_IFNAME"),
            "mac": "02:00:00:00:00:01",
            "sandbox": variable("CNI_NETNS"),
        }]);
        result["ips"][0]["interface"] = json!(0);
    } else if let Value::Array(routes) = &mut result["routes"] {
        routes.push(json!({ "dst": format!("192.0.2.{}/32", routes.len()) }));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(command: &str, config: Value) -> Call {
        let mut call = Call::of_this_process("x".to_owned(), config.to_string().as_bytes());
        command.clone_into(&mut call.command);
        call
    }

    fn result(config: Value) -> Value {
        usual(&call("ADD", config), 3).ok().flatten().expect("a result")
    }

    #[test]
    fn results_have_the_shape_of_their_version() {
        assert_eq!(result(json!({}))["ip4"]["ip"], "10.123.0.5/24");
        assert_eq!(result(json!({"cniVersion": "0.2.0"}))["ip4"]["gateway"], GATEWAY);
        let ip = result(json!({"cniVersion": "0.4.0"}))["ips"][0].clone();
        assert_eq!((&ip["version"], &ip["address"]), (&json!("4"), &json!("10.123.0.5/24")));
        let new = result(json!({"cniVersion": "1.1.0"}));
        assert_eq!(new["ips"][0].get("version"), None);
        assert_eq!(new["cniVersion"], "1.1.0");
    }

    #[test]
    fn it_is_chained_where_there_is_a_result_to_pass_on_and_nothing_to_allocate() {
        let previous = json!({"cniVersion": "1.0.0", "ips": []});
        let chained = json!({"cniVersion": "1.0.0", "prevResult": previous});
        assert_eq!(result(chained), previous);
        let both = json!({"cniVersion": "1.0.0", "prevResult": previous, "ipam": {"type": "x"}});
        assert_eq!(result(both)["ips"][0]["address"], "10.123.0.5/24");
    }

    #[test]
    fn a_runtime_gets_an_interface_and_from_each_later_plugin_a_route() {
        let mut first = call("ADD", json!({"cniVersion": "1.0.0"}));
        first.env.insert("CNI_IFNAME".to_owned(), "eth0".to_owned());
        let result = attached(&first, 0).ok().expect("a result");
        assert_eq!(result["interfaces"][0]["name"], "eth0");
        assert_eq!(result["ips"][0]["interface"], 0);
        let second = call("ADD", json!({"cniVersion": "1.0.0", "prevResult": result}));
        let later = attached(&second, 1).ok().expect("a result");
        assert_eq!(later["interfaces"], result["interfaces"]);
        assert_eq!(later["routes"][1]["dst"], "192.0.2.1/32");
    }

    #[test]
    fn no_address_is_the_networks_or_the_gateways_own() {
        let last: Vec<u32> = (0..600)
            .map(|earlier| {
                address(earlier)["10.123.0.".len()..].replace("/24", "").parse().unwrap()
            })
            .collect();
        assert!(last.iter().all(|last| (2..=254).contains(last)));
        assert_eq!(last[252], 254);
        assert_eq!(last[253], 2);
    }

    #[test]
    fn what_it_cannot_serve_is_an_error_with_the_codes_of_the_specification() {
        let failure = |command, config| usual(&call(command, config), 0).err().map(|f| f.code);
        assert_eq!(failure("ADD", json!({"cniVersion": "3.0.0"})), Some(1));
        assert_eq!(failure("ADD", json!([])), Some(6));
        assert_eq!(failure("", json!({})), Some(4));
        assert_eq!(failure("GC", json!({})), None);
    }
}
