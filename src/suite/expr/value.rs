//! Between protobuf messages, JSON and the values of expressions.
//!
//! The conversion goes by descriptor, so that types stay what they are: int64 → int, uint64 → uint,
//! bytes → bytes, a known enum value → its name, an unknown one → its number. A message field that
//! is unset is absent from the map, so that reading through it is an error and not a default.

use std::{collections::HashMap, sync::Arc};

use cel::{
    Value,
    objects::{Key, Map},
};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value as Proto,
};

/// A message as the map of its fields.
pub fn from_message(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let mut fields: HashMap<Key, Value> = HashMap::new();
    for field in descriptor.fields() {
        if field.supports_presence() && !message.has_field(&field) {
            continue;
        }
        let value = from_field(&field, &message.get_field(&field));
        fields.insert(Key::from(field.name()), value);
    }
    Value::Map(Map { map: Arc::new(fields) })
}

fn from_field(field: &FieldDescriptor, value: &Proto) -> Value {
    match value {
        Proto::List(items) => {
            Value::List(Arc::new(items.iter().map(|item| from_kind(&field.kind(), item)).collect()))
        }
        Proto::Map(entries) => {
            let Kind::Message(entry) = field.kind() else { return Value::Null };
            let kind = entry.map_entry_value_field().kind();
            let map = entries.iter().map(|(key, value)| (from_key(key), from_kind(&kind, value)));
            Value::Map(Map { map: Arc::new(map.collect()) })
        }
        single => from_kind(&field.kind(), single),
    }
}

fn from_key(key: &MapKey) -> Key {
    match key {
        MapKey::Bool(key) => Key::Bool(*key),
        MapKey::I32(key) => Key::Int((*key).into()),
        MapKey::I64(key) => Key::Int(*key),
        MapKey::U32(key) => Key::Uint((*key).into()),
        MapKey::U64(key) => Key::Uint(*key),
        MapKey::String(key) => Key::from(key.as_str()),
    }
}

fn from_kind(kind: &Kind, value: &Proto) -> Value {
    match value {
        Proto::Bool(value) => Value::Bool(*value),
        Proto::I32(value) => Value::Int((*value).into()),
        Proto::I64(value) => Value::Int(*value),
        Proto::U32(value) => Value::UInt((*value).into()),
        Proto::U64(value) => Value::UInt(*value),
        Proto::F32(value) => Value::Float((*value).into()),
        Proto::F64(value) => Value::Float(*value),
        Proto::String(value) => Value::from(value.as_str()),
        Proto::Bytes(value) => Value::Bytes(Arc::new(value.to_vec())),
        Proto::EnumNumber(number) => match kind {
            Kind::Enum(descriptor) => match descriptor.get_value(*number) {
                Some(known) => Value::from(known.name()),
                None => Value::Int((*number).into()),
            },
            _ => Value::Int((*number).into()),
        },
        Proto::Message(message) => from_message(message),
        // Lists and maps stand in fields, not in kinds.
        Proto::List(_) | Proto::Map(_) => Value::Null,
    }
}

/// A JSON text's value: whole numbers are int, others float.
pub fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(
            || {
                number
                    .as_u64()
                    .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::UInt)
            },
            Value::Int,
        ),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => {
            Value::List(Arc::new(items.iter().map(from_json).collect()))
        }
        serde_json::Value::Object(members) => {
            map(members.iter().map(|(key, value)| (key.as_str(), from_json(value))))
        }
    }
}

/// A map with text keys.
pub fn map<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let map: HashMap<Key, Value> =
        members.into_iter().map(|(key, value)| (Key::from(key), value)).collect();
    Value::Map(Map { map: Arc::new(map) })
}

/// The member of a map, where the value is a map that has it.
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(map) => map.map.get(&Key::from(name)),
        _ => None,
    }
}

/// The members of a map by their names.
///
/// # Errors
/// If it is none.
pub fn members(value: &Value) -> Result<Vec<(String, &Value)>, String> {
    match value {
        Value::Map(map) => Ok(map.map.iter().map(|(key, value)| (text_of(key), value)).collect()),
        other => Err(format!("it takes named fields, not {}", brief(other))),
    }
}

/// A value as JSON, for evidence. Bytes are shown as text where they are UTF-8.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(map) => {
            let member = |(key, value): (&Key, &Value)| (text_of(key), to_json(value));
            serde_json::Value::Object(map.map.iter().map(member).collect())
        }
        Value::Int(value) => (*value).into(),
        Value::UInt(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Value::Bool(value) => (*value).into(),
        _ => serde_json::Value::Null,
    }
}

fn text_of(key: &Key) -> String {
    match key {
        Key::String(key) => key.as_str().to_owned(),
        other => other.to_string(),
    }
}

/// Whether a value holds no more than so many bytes, roughly.
pub fn is_small(value: &Value, bytes: usize) -> bool {
    rest(value, bytes).is_some()
}

/// What is left of so many bytes after a value.
fn rest(value: &Value, bytes: usize) -> Option<usize> {
    let left = bytes.checked_sub(size_of::<Value>())?;
    match value {
        Value::String(text) => left.checked_sub(text.len()),
        Value::Bytes(bytes) => left.checked_sub(bytes.len()),
        Value::List(items) => items.iter().try_fold(left, |left, item| rest(item, left)),
        Value::Map(members) => members.map.values().try_fold(left, |left, item| rest(item, left)),
        _ => Some(left),
    }
}

/// A value inside `${…}`: text as it is, everything else as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.as_str().to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => to_json(other).to_string(),
    }
}

/// A value for a message to a person: JSON, cut after 400 characters.
pub fn brief(value: &Value) -> String {
    const LONGEST: usize = 400;
    let text = to_json(value).to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}
