//! What every step of the CSI suite sees as `driver`: what the user told, and what is found out before
//! the first check.

use std::{future::Future, pin::Pin};

use prost_reflect::DynamicMessage;
use serde_json::{Value as Json, json};
use tonic::Code;

use crate::{
    drive::{
        csi::{
            Config,
            config::{AccessType, Texts},
        },
        grpc::Outcome,
    },
    proto,
    run::lane::Lane,
    suite::expr::{Scope, Value, value},
};

/// What an expansion asks for where the size of volumes is not known.
const SOME_SIZE: i64 = 1 << 30;

/// A segment's value that no place has.
const UNKNOWN_PLACE: &str = "stdcheck-nowhere";

/// What was found out.
#[derive(Clone, Debug)]
struct Found {
    access: AccessType,
    size: i64,
    node_id: String,
    name: String,
    /// A text that is nowhere else, to be looked for where no secret may be.
    marker: String,
    /// Whether it tells where volumes can be reached (VOLUME_ACCESSIBILITY_CONSTRAINTS).
    places: bool,
}

impl Found {
    fn nothing(config: &Config) -> Found {
        Found {
            access: config.access_type.unwrap_or(AccessType::Mount),
            size: 0,
            node_id: String::new(),
            name: String::new(),
            marker: String::new(),
            places: true,
        }
    }
}

/// `driver`, as far as it is known without a call.
pub fn told(config: &Config) -> Scope {
    scope(config, &Found::nothing(config), false)
}

/// Asks the driver who it is, and makes a trial volume to see how it is used and how large it is.
pub fn learn(lane: &mut Lane) -> Pin<Box<dyn Future<Output = Scope> + Send + '_>> {
    Box::pin(async move {
        let Some(driver) = lane.run.options.driver.clone() else { return Scope::new() };
        let config = &driver.config;
        let mut found = Found::nothing(config);
        found.marker = format!("{}-marker", lane.run.namespace());
        if let Some(info) = reply(lane, "Identity/GetPluginInfo").await {
            found.name = text(&info, "name");
        }
        if let Some(plugin) = reply(lane, "Identity/GetPluginCapabilities").await {
            found.places = has(&plugin, "service", "VOLUME_ACCESSIBILITY_CONSTRAINTS");
        }
        if let Some(node) = reply(lane, "Node/NodeGetInfo").await {
            found.node_id = text(&node, "node_id");
        }
        let two = lane.run.drive.endpoints().len() > 1;
        lane.scope.extend(scope(config, &found, two));
        if makes_volumes(lane).await {
            try_volumes(lane, config, &mut found, two).await;
        } else if let Some(volume) = &config.volume {
            found.size = volume.size;
        }
        scope(config, &found, two)
    })
}

async fn makes_volumes(lane: &mut Lane) -> bool {
    let known = reply(lane, "Controller/ControllerGetCapabilities").await;
    known.is_some_and(|known| has(&known, "rpc", "CREATE_DELETE_VOLUME"))
}

/// Whether a list of capabilities has that one.
fn has(reply: &Value, kind: &str, name: &str) -> bool {
    let Some(Value::List(capabilities)) = value::member(reply, "capabilities") else {
        return false;
    };
    capabilities.iter().any(|capability| {
        let of_kind = value::member(capability, kind).and_then(|kind| value::member(kind, "type"));
        of_kind.map(value::as_text).as_deref() == Some(name)
    })
}

/// A driver that has no mount volumes refuses the first trial and takes the second.
async fn try_volumes(lane: &mut Lane, config: &Config, found: &mut Found, two: bool) {
    let tried = match config.access_type {
        Some(told) => vec![told],
        None => vec![AccessType::Mount, AccessType::Block],
    };
    for access in tried {
        let trial = Found { access, ..found.clone() };
        lane.scope.extend(scope(config, &trial, two));
        lane.rename();
        let Ok((method, message)) = lane.request("Controller/CreateVolume", None) else { return };
        let answer = lane.call(&method, &message, lane.run.options.step_timeout).await;
        if answer.outcome != Outcome::Answered || answer.code != Code::Ok {
            continue;
        }
        found.access = access;
        let size = answer.reply_value().and_then(|reply| {
            value::member(reply, "volume").and_then(|volume| number(volume, "capacity_bytes"))
        });
        found.size = size.unwrap_or_default();
        return;
    }
}

async fn reply(lane: &mut Lane, rpc: &str) -> Option<Value> {
    let (method, message) = lane.request(rpc, None).ok()?;
    let answer = lane.call(&method, &message, lane.run.options.step_timeout).await;
    answer.reply_value().cloned()
}

fn text(reply: &Value, name: &str) -> String {
    value::member(reply, name).map(value::as_text).unwrap_or_default()
}

fn number(reply: &Value, name: &str) -> Option<i64> {
    match value::member(reply, name)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn scope(config: &Config, found: &Found, two_endpoints: bool) -> Scope {
    let mut marked_secrets = config.secrets.clone();
    marked_secrets.insert("stdcheck-unused".to_owned(), found.marker.clone());
    let unknown_topology: Texts = config
        .topology
        .first()
        .map(|here| here.keys().map(|key| (key.clone(), UNKNOWN_PLACE.to_owned())).collect())
        .unwrap_or_default();
    let size = config.volume_size.unwrap_or(found.size);
    let larger = match (size, config.expand_by) {
        (size, Some(step)) => size.saturating_add(step),
        (0, None) => SOME_SIZE,
        (size, None) => size.saturating_mul(2),
    };
    let texts = |texts: &Texts| value::from_json(&json!(texts));
    let unsupported = config.unsupported_capability.as_ref().map(|told| {
        let access = told.access_type.unwrap_or(found.access);
        let fs_type = told.fs_type.as_deref().or(config.fs_type.as_deref());
        capability(access, told.mode.as_deref(), fs_type, &config.mount_flags)
    });
    let usual = |access| capability(access, None, config.fs_type.as_deref(), &config.mount_flags);
    let capacity = config.volume_size.map(|size| json!({ "required_bytes": size }));
    // A requirement of a place means nothing to a driver that knows none.
    let here = config.topology.first().filter(|_| found.places);
    let accessibility = here.map(|segments| {
        // Both, as Kubernetes sends them: there are drivers that look at the preferred ones alone.
        json!({ "requisite": [{ "segments": segments }], "preferred": [{ "segments": segments }] })
    });
    let message_or_null = |name: &str, json: Option<Json>| match json {
        Some(json) => message(name, &json),
        None => Value::Null,
    };
    let members = [
        ("parameters", texts(&config.parameters)),
        ("other_parameters", texts(&config.other_parameters)),
        ("bad_parameters", texts(&config.bad_parameters)),
        ("mutable_parameters", texts(&config.mutable_parameters)),
        ("bad_mutable_parameters", texts(&config.bad_mutable_parameters)),
        ("snapshot_parameters", texts(&config.snapshot_parameters)),
        ("bad_snapshot_parameters", texts(&config.bad_snapshot_parameters)),
        ("group_parameters", texts(&config.group_parameters)),
        ("other_group_parameters", texts(&config.other_group_parameters)),
        ("bad_group_parameters", texts(&config.bad_group_parameters)),
        ("secrets", texts(&config.secrets)),
        ("marked_secrets", texts(&marked_secrets)),
        ("marker", found.marker.as_str().into()),
        ("unknown_topology", texts(&unknown_topology)),
        ("wrong_secrets", texts(&config.wrong_secrets)),
        ("denied_secrets", texts(&config.denied_secrets)),
        ("access", found.access.name().into()),
        ("capability", usual(found.access)),
        ("mount", usual(AccessType::Mount)),
        ("block", usual(AccessType::Block)),
        ("unsupported_capability", unsupported.unwrap_or(Value::Null)),
        ("accessibility", message_or_null("TopologyRequirement", accessibility)),
        ("capacity", message_or_null("CapacityRange", capacity)),
        ("size", Value::Int(size)),
        ("larger", Value::Int(larger)),
        ("max_size", Value::Int(config.max_volume_size.unwrap_or_default())),
        ("node_id", found.node_id.as_str().into()),
        ("second_node", config.second_node.as_deref().unwrap_or_default().into()),
        ("topology", Value::from(config.topology.iter().map(texts).collect::<Vec<_>>())),
        ("full_topology", texts(&config.full_topology)),
        ("two_endpoints", Value::Bool(two_endpoints)),
        ("name", found.name.as_str().into()),
    ];
    Scope::from([("driver".to_owned(), value::map(members))])
}

/// A `VolumeCapability`.
fn capability(
    access: AccessType,
    mode: Option<&str>,
    fs_type: Option<&str>,
    mount_flags: &[String],
) -> Value {
    let mode = mode.unwrap_or("SINGLE_NODE_WRITER");
    let json = match access {
        AccessType::Block => json!({ "block": {}, "access_mode": { "mode": mode } }),
        AccessType::Mount => json!({
            "mount": { "fs_type": fs_type.unwrap_or_default(), "mount_flags": mount_flags },
            "access_mode": { "mode": mode },
        }),
    };
    message("VolumeCapability", &json)
}

/// A message of the interface. Its JSON is ours, or the user's where it says a mode that nobody knows:
/// that is told before the run.
fn message(name: &str, json: &Json) -> Value {
    proto::pool()
        .get_message_by_name(&format!("csi.v1.{name}"))
        .and_then(|descriptor| DynamicMessage::deserialize(descriptor, json).ok())
        .map_or(Value::Null, |message| value::from_message(&message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::expr::{Expr, Judgement};

    fn holds(config: &Config, source: &str) {
        let judged = Expr::compile(source).unwrap().judge(&told(config));
        assert!(matches!(judged, Judgement::Holds), "{source}: {judged:?}");
    }

    #[test]
    fn what_the_user_told_is_what_steps_see() {
        let config: Config = toml::from_str(
            r#"
            volume_size = 1048576
            fs_type = "xfs"
            topology = [{ zone = "a" }, { zone = "b" }]
            unsupported_capability = { mode = "MULTI_NODE_MULTI_WRITER" }
            [parameters]
            class = "fast"
            "#,
        )
        .unwrap();
        for source in [
            "driver.parameters['class'] == 'fast'",
            "driver.capability.mount.fs_type == 'xfs'",
            "driver.capability.access_mode.mode == 'SINGLE_NODE_WRITER'",
            "driver.unsupported_capability.access_mode.mode == 'MULTI_NODE_MULTI_WRITER'",
            "driver.capacity.required_bytes == 1048576",
            "driver.larger == 2097152",
            "driver.accessibility.requisite[0].segments['zone'] == 'a'",
            "size(driver.topology) == 2",
        ] {
            holds(&config, source);
        }
        holds(&Config::default(), "driver.capacity == null && driver.accessibility == null");
    }
}
