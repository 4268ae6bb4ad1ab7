//! What can be wrong with a reply whatever it says: required fields that are not set, texts and maps
//! beyond their sizes, enum values that nobody has defined. Invariants see these as lists of paths.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use crate::proto;

/// CSI, "Size Limits": a text field has at most so many bytes.
const TEXT_LIMIT: usize = 128;
/// The same for the id of a node.
const NODE_ID_LIMIT: usize = 256;
/// CSI, "Size Limits": keys and values of a map together.
const MAP_LIMIT: usize = 4096;

/// A text of the request that is shorter may stand in a reply by chance.
const SHORTEST_ECHO: usize = 8;

/// Messages that hold what the caller said (a capability), or have limits of their own (segments).
const OTHERS_WORDS: [&str; 2] = ["VolumeCapability", "Topology"];

/// Faults of one reply, each as a path: `entries[0].volume.volume_id`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WireFaults {
    /// REQUIRED fields that are not set, where "not set" can be told from a value.
    pub unset: Vec<String>,
    /// Texts and maps that are too long.
    pub oversized: Vec<String>,
    /// Enum fields with a number that the interface does not name.
    pub undefined_enums: Vec<String>,
}

impl WireFaults {
    /// Looks through a reply to a request. A text that repeats one of the request is not the target's
    /// own.
    pub fn of(request: &DynamicMessage, reply: &DynamicMessage) -> WireFaults {
        let mut said = Vec::new();
        texts(request, &mut said);
        let mut faults = Walk { said, found: WireFaults::default() };
        faults.message(reply, "");
        faults.found
    }
}

/// Every text of a message that is long enough to be recognised.
fn texts(message: &DynamicMessage, found: &mut Vec<String>) {
    fn of_value(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.len() >= SHORTEST_ECHO => found.push(text.clone()),
            Value::Message(inner) => texts(inner, found),
            Value::List(items) => items.iter().for_each(|item| of_value(item, found)),
            Value::Map(entries) => entries.values().for_each(|value| of_value(value, found)),
            _ => {}
        }
    }
    message.fields().for_each(|(_, value)| of_value(value, found));
}

/// One walk through a reply.
struct Walk {
    /// Texts of the request.
    said: Vec<String>,
    found: WireFaults,
}

impl Walk {
    fn message(&mut self, message: &DynamicMessage, at: &str) {
        let descriptor = message.descriptor();
        let others = OTHERS_WORDS.contains(&descriptor.name());
        for field in descriptor.fields() {
            let path = match at {
                "" => field.name().to_owned(),
                at => format!("{at}.{}", field.name()),
            };
            if !message.has_field(&field) {
                if proto::is_required(&field) {
                    self.found.unset.push(path);
                }
                continue;
            }
            let value = message.get_field(&field);
            match &*value {
                Value::List(items) => {
                    for (number, item) in items.iter().enumerate() {
                        self.value(&field, item, &format!("{path}[{number}]"), others);
                    }
                }
                Value::Map(entries) => {
                    let texts = entries
                        .iter()
                        .map(|(key, value)| key.as_str().map_or(0, str::len) + length(value));
                    if !others && texts.sum::<usize>() > MAP_LIMIT {
                        self.found.oversized.push(path.clone());
                    }
                    for (key, value) in entries {
                        if let Value::Message(inner) = value {
                            let key = key.as_str().unwrap_or_default();
                            self.message(inner, &format!("{path}[{key}]"));
                        }
                    }
                }
                single => self.value(&field, single, &path, others),
            }
        }
    }

    fn value(&mut self, field: &FieldDescriptor, value: &Value, path: &str, others: bool) {
        match value {
            Value::Message(inner) => self.message(inner, path),
            Value::String(text) => {
                let of_node = field.name().contains("node_id");
                let limit = if of_node { NODE_ID_LIMIT } else { TEXT_LIMIT };
                let echo = || self.said.iter().any(|said| text.contains(said));
                if !others && text.len() > limit && !echo() {
                    self.found.oversized.push(path.to_owned());
                }
            }
            Value::EnumNumber(number) => {
                if let Kind::Enum(kind) = field.kind()
                    && kind.get_value(*number).is_none()
                {
                    self.found.undefined_enums.push(format!("{path} = {number}"));
                }
            }
            _ => {}
        }
    }
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(name: &str, json: &str) -> DynamicMessage {
        let descriptor = proto::pool().get_message_by_name(&format!("csi.v1.{name}")).unwrap();
        let mut json = serde_json::Deserializer::from_str(json);
        DynamicMessage::deserialize(descriptor, &mut json).unwrap()
    }

    fn alone(reply: &DynamicMessage) -> WireFaults {
        WireFaults::of(&self::reply("ProbeRequest", "{}"), reply)
    }

    #[test]
    fn what_the_caller_said_is_not_the_targets_own() {
        let long = "v".repeat(129);
        let request = reply("DeleteVolumeRequest", &format!(r#"{{"volume_id": "{long}"}}"#));
        let told = format!(r#"{{"message": "there is no {long}"}}"#);
        let told = reply("ValidateVolumeCapabilitiesResponse", &told);
        assert_eq!(WireFaults::of(&request, &told).oversized, Vec::<String>::new());
        assert_eq!(alone(&told).oversized, ["message"]);
    }

    #[test]
    fn required_fields_are_missed_at_any_depth() {
        let empty = reply("CreateVolumeResponse", "{}");
        assert_eq!(alone(&empty).unset, ["volume"]);
        let nameless = reply("ListVolumesResponse", r#"{"entries": [{"volume": {}}, {}]}"#);
        assert_eq!(alone(&nameless).unset, ["entries[0].volume.volume_id", "entries[1].volume"]);
    }

    #[test]
    fn sizes_are_judged_by_bytes() {
        let long = "é".repeat(65);
        let volume = format!(
            r#"{{"volume": {{"volume_id": "{long}", "volume_context": {{"k": "{}"}}}}}}"#,
            "v".repeat(4096)
        );
        let faults = alone(&reply("CreateVolumeResponse", &volume));
        assert_eq!(faults.oversized, ["volume.volume_id", "volume.volume_context"]);
        let node = format!(r#"{{"node_id": "{}"}}"#, "n".repeat(256));
        assert_eq!(alone(&reply("NodeGetInfoResponse", &node)), WireFaults::default());
    }

    #[test]
    fn an_enum_value_that_nobody_knows_is_told_with_its_number() {
        let json = r#"{"capabilities": [{"rpc": {"type": 77}}]}"#;
        let faults = alone(&reply("NodeGetCapabilitiesResponse", json));
        assert_eq!(faults.undefined_enums, ["capabilities[0].rpc.type = 77"]);
    }
}
