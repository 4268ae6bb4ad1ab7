//! What a user's own configuration tells of a plugin that has no profile.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    format::{Previous, Profile},
    words::{Kind, Word},
};

/// Keys that a runtime sets itself, whatever stands in the file.
const OF_THE_RUNTIME: [&str; 6] =
    ["cniVersion", "name", "type", "prevResult", "runtimeConfig", "capabilities"];

/// Why a list has no configuration for a plugin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It has no `plugins`.
    #[error("the configuration list has no `plugins`")]
    NoPlugins,
    /// None of its plugins is the one that was asked for.
    #[error("the configuration list has no plugin of type `{plugin}`; it has: {others}")]
    NoSuchPlugin {
        /// The one that was asked for.
        plugin: String,
        /// Those that there are.
        others: String,
    },
}

impl Profile {
    /// What the configuration of a plugin tells of it. The kind is found out by trying where neither
    /// the caller knows it nor the configuration shows it.
    pub fn guess(config: &Value, kind: Option<Kind>) -> Profile {
        let addresses = config["ipam"]["type"].is_string();
        let whole = config["delegate"].is_object();
        let kind = kind.unwrap_or(match (whole, addresses) {
            (true, _) => Kind::Meta,
            (false, true) => Kind::Interface,
            (false, false) => Kind::Unknown,
        });
        // An IPAM plugin is itself what ipam.type names.
        let delegates = kind != Kind::Ipam && (whole || addresses);
        let mut own = config.as_object().cloned().unwrap_or_default();
        own.retain(|key, _| !OF_THE_RUNTIME.contains(&key.as_str()));
        Profile {
            plugin: config["type"].as_str().unwrap_or_default().to_owned(),
            title: "a plugin that has no profile".to_owned(),
            kind,
            has: if delegates { vec![Word::Delegates] } else { Vec::new() },
            ifname: None,
            kernel: Vec::new(),
            devices: Vec::new(),
            programs: Vec::new(),
            outside: false,
            state_folders: Vec::new(),
            config: own,
            capabilities: declared(config),
            parent: Vec::new(),
            daemon: Vec::new(),
            dhcp_server: None,
            variant: Vec::new(),
            bad: Vec::new(),
            tamper: Vec::new(),
            pool: None,
            previous: (kind == Kind::Chained).then(Previous::default),
        }
    }

    /// The same for one plugin of a configuration list. One that is not the first of its list works on
    /// what those before it have made.
    ///
    /// # Errors
    /// If the list has no such plugin.
    pub fn of_list(list: &Value, plugin: &str, kind: Option<Kind>) -> Result<Profile, ListError> {
        let plugins = list["plugins"].as_array().ok_or(ListError::NoPlugins)?;
        let name = |entry: &Value| entry["type"].as_str().unwrap_or_default().to_owned();
        let at = plugins.iter().position(|entry| name(entry) == plugin).ok_or_else(|| {
            let others: Vec<String> = plugins.iter().map(name).collect();
            ListError::NoSuchPlugin { plugin: plugin.to_owned(), others: others.join(", ") }
        })?;
        Ok(Profile::guess(&plugins[at], kind.or((at > 0).then_some(Kind::Chained))))
    }
}

/// The capabilities that a configuration declares, with the user's own values where he gave some.
/// One that is neither given nor known by convention is left out: nobody knows what it looks like.
fn declared(config: &Value) -> BTreeMap<String, Value> {
    let none = Map::new();
    let capabilities = config["capabilities"].as_object().unwrap_or(&none);
    capabilities
        .iter()
        .filter(|(_, declared)| **declared == json!(true))
        .filter_map(|(name, _)| {
            let given = config["runtimeConfig"].get(name).cloned();
            Some((name.clone(), given.or_else(|| usual_capability(name))?))
        })
        .collect()
}

/// A well-formed value for a capability of the conventions.
pub fn usual_capability(name: &str) -> Option<Value> {
    Some(match name {
        "portMappings" => json!([{ "hostPort": 18080, "containerPort": 8080, "protocol": "tcp" }]),
        "ipRanges" => json!([[{ "subnet": "10.125.0.0/24" }]]),
        "bandwidth" => json!({
            "ingressRate": 8_000_000, "ingressBurst": 8_000_000,
            "egressRate": 8_000_000, "egressBurst": 8_000_000,
        }),
        "dns" => json!({ "servers": ["192.0.2.53"], "searches": ["stdcheck.example"] }),
        "ips" => json!(["10.125.0.9/24"]),
        "mac" => json!("02:53:54:44:43:4b"),
        "aliases" => json!(["stdcheck-alias"]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_shows_in_the_configuration() {
        let kind = |config: Value| Profile::guess(&config, None).kind;
        assert_eq!(kind(json!({"type": "x", "ipam": {"type": "host-local"}})), Kind::Interface);
        assert_eq!(kind(json!({"type": "x", "ipam": {}})), Kind::Unknown);
        assert_eq!(kind(json!({"type": "x", "delegate": {"bridge": "b"}})), Kind::Meta);
        assert_eq!(kind(json!({"type": "x"})), Kind::Unknown);
        let config = json!({"type": "x", "ipam": {"type": "x"}});
        let told = Profile::guess(&config, Some(Kind::Ipam));
        assert_eq!((told.kind, told.has), (Kind::Ipam, vec![]));
    }

    #[test]
    fn what_the_runtime_sets_is_left_out() {
        let config = json!({
            "cniVersion": "1.0.0", "name": "n", "type": "x", "mtu": 1400,
            "capabilities": {"mac": true, "ips": false, "own": true, "odd": true},
            "runtimeConfig": {"own": 7},
        });
        let profile = Profile::guess(&config, None);
        assert_eq!(profile.plugin, "x");
        assert_eq!(Value::Object(profile.config), json!({"mtu": 1400}));
        let known = BTreeMap::from([
            ("mac".to_owned(), json!("02:53:54:44:43:4b")),
            ("own".to_owned(), json!(7)),
        ]);
        assert_eq!(profile.capabilities, known);
    }

    #[test]
    fn of_a_list_it_is_the_entry_of_the_plugin() {
        let list = json!({"cniVersion": "1.0.0", "name": "n", "plugins": [
            {"type": "first", "ipam": {"type": "host-local"}}, {"type": "second", "mac": "x"}]});
        let first = Profile::of_list(&list, "first", None).unwrap();
        assert_eq!((first.kind, first.previous), (Kind::Interface, None));
        let second = Profile::of_list(&list, "second", None).unwrap();
        assert_eq!((second.kind, second.previous), (Kind::Chained, Some(Previous::default())));
        assert_eq!(second.config["mac"], "x");
        let error = Profile::of_list(&list, "third", None).unwrap_err().to_string();
        assert!(error.ends_with("no plugin of type `third`; it has: first, second"), "{error}");
        assert_eq!(Profile::of_list(&json!({}), "x", None), Err(ListError::NoPlugins));
    }
}
