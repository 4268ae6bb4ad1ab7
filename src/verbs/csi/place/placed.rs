//! A volume with everything that calls about it need: what `csi.place` gives.

use super::super::values::{flag, int, map_at, message_type, text};
use crate::suite::expr::{Value, types::Type, value};

/// The result of `csi.place`.
#[derive(Clone, Debug)]
pub struct Placed {
    pub volume_id: String,
    pub volume_context: Value,
    pub publish_context: Value,
    pub capability: Value,
    /// Empty where the driver does not stage.
    pub staging_path: String,
    pub target_path: String,
    pub readonly: bool,
    pub node_id: String,
    pub capacity_bytes: i64,
    pub created: bool,
    pub name: String,
}

impl Placed {
    pub fn reply() -> Type {
        let texts = || Type::Map(Box::new(Type::Text));
        Type::members([
            ("volume_id", Type::Text),
            ("volume_context", texts()),
            ("publish_context", texts()),
            ("capability", message_type("VolumeCapability")),
            ("staging_path", Type::Text),
            ("target_path", Type::Text),
            ("target_parent", Type::Text),
            ("readonly", Type::Bool),
            ("node_id", Type::Text),
            ("capacity_bytes", Type::Int),
            ("created", Type::Bool),
            ("name", Type::Text),
        ])
    }

    pub fn to_value(&self) -> Value {
        let parent = self.target_path.rsplit_once('/').map_or("", |(parent, _)| parent);
        value::map([
            ("volume_id", Value::from(self.volume_id.as_str())),
            ("volume_context", self.volume_context.clone()),
            ("publish_context", self.publish_context.clone()),
            ("capability", self.capability.clone()),
            ("staging_path", Value::from(self.staging_path.as_str())),
            ("target_path", Value::from(self.target_path.as_str())),
            ("target_parent", Value::from(parent)),
            ("readonly", Value::Bool(self.readonly)),
            ("node_id", Value::from(self.node_id.as_str())),
            ("capacity_bytes", Value::Int(self.capacity_bytes)),
            ("created", Value::Bool(self.created)),
            ("name", Value::from(self.name.as_str())),
        ])
    }

    pub fn from_value(value: &Value) -> Placed {
        Placed {
            volume_id: text(value, "volume_id"),
            volume_context: map_at(value, "volume_context"),
            publish_context: map_at(value, "publish_context"),
            capability: map_at(value, "capability"),
            staging_path: text(value, "staging_path"),
            target_path: text(value, "target_path"),
            readonly: flag(value, "readonly"),
            node_id: text(value, "node_id"),
            capacity_bytes: int(value, "capacity_bytes"),
            created: flag(value, "created"),
            name: text(value, "name"),
        }
    }
}
