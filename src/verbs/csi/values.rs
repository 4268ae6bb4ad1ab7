//! Reading and building values as the CSI verbs need it.

use prost_reflect::DynamicMessage;

use crate::{
    proto,
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        request,
    },
};

/// The text at a path of members (`volume.volume_id`); empty where there is none.
pub fn text(value: &Value, path: &str) -> String {
    match at(value, path) {
        None | Some(Value::Null) => String::new(),
        Some(found) => value::as_text(found),
    }
}

/// The whole number at a path; 0 where there is none.
pub fn int(value: &Value, path: &str) -> i64 {
    match at(value, path) {
        Some(Value::Int(number)) => *number,
        Some(Value::UInt(number)) => i64::try_from(*number).unwrap_or(i64::MAX),
        _ => 0,
    }
}

/// Whether it is true.
pub fn flag(value: &Value, path: &str) -> bool {
    matches!(at(value, path), Some(Value::Bool(true)))
}

/// The elements of the list at a path.
pub fn list(value: &Value, path: &str) -> Vec<Value> {
    match at(value, path) {
        Some(Value::List(items)) => items.to_vec(),
        _ => Vec::new(),
    }
}

/// What stands at a path; an empty map where nothing does.
pub fn map_at(value: &Value, path: &str) -> Value {
    at(value, path).filter(|found| matches!(found, Value::Map(_))).cloned().unwrap_or_else(nothing)
}

/// What stands at a path.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value::member(value, name))
}

/// An empty map.
pub fn nothing() -> Value {
    value::map(std::iter::empty::<(&str, Value)>())
}

/// A map with one member more, or another one in its place.
pub fn with(whole: &Value, name: &str, part: Value) -> Value {
    let others: Vec<(String, Value)> = match whole {
        Value::Map(members) => members
            .map
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone()))
            .filter(|(key, _)| key != name)
            .collect(),
        _ => Vec::new(),
    };
    let others = others.iter().map(|(key, value)| (key.as_str(), value.clone()));
    value::map(others.chain([(name, part)]))
}

/// A map without a member.
pub fn without(whole: &Value, name: &str) -> Value {
    let Value::Map(members) = whole else { return whole.clone() };
    let others: Vec<(String, Value)> = members
        .map
        .iter()
        .map(|(key, value)| (key.to_string(), value.clone()))
        .filter(|(key, _)| key != name)
        .collect();
    value::map(others.iter().map(|(key, value)| (key.as_str(), value.clone())))
}

/// A message of the interface with all its members, from some of them.
pub fn message(name: &str, members: &Value) -> Result<Value, Halt> {
    let descriptor = proto::pool()
        .get_message_by_name(&format!("csi.v1.{name}"))
        .ok_or_else(|| Halt::Error(format!("there is no message {name}")))?;
    let mut message = DynamicMessage::new(descriptor);
    request::fill(&mut message, members).map_err(Halt::Error)?;
    Ok(value::from_message(&message))
}

/// The type of a message of the interface.
pub fn message_type(name: &str) -> Type {
    let found = proto::pool().get_message_by_name(&format!("csi.v1.{name}"));
    found.map_or(Type::Dyn, Type::Message)
}

/// A list of texts.
pub fn texts_type() -> Type {
    Type::List(Box::new(Type::Text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_changed_by_their_names() {
        let whole = value::map([("a", value::map([("b", Value::Int(3))])), ("c", "x".into())]);
        assert_eq!(int(&whole, "a.b"), 3);
        assert_eq!(text(&whole, "c"), "x");
        assert_eq!(text(&whole, "a.z"), "");
        let changed = without(&with(&whole, "c", Value::Bool(true)), "a");
        assert_eq!(value::to_json(&changed), serde_json::json!({ "c": true }));
    }
}
