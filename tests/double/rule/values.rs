//! Values of rules: trees of TOML with their `$` parts evaluated, put into messages.

use prost_reflect::{DynamicMessage, FieldDescriptor, Value as Proto};
use stdcheck::suite::{
    expr::{
        Part, Scope, Text, Value,
        value::{from_message, map, member},
    },
    request,
    tree::Tree,
};

/// The value of a tree. As in suite files, but that `"${expression}"` alone keeps its type.
///
/// # Errors
/// What could not be evaluated.
pub fn evaluate(tree: &Tree, scope: &Scope) -> Result<Value, String> {
    match tree {
        Tree::Text(text) => match Text::parse(text)? {
            Text::Mixed(parts) if matches!(parts.as_slice(), [Part::Expr(_)]) => match &parts[0] {
                Part::Expr(expression) => expression.value(scope),
                Part::Plain(plain) => Ok(Value::from(plain.as_str())),
            },
            text => text.value(scope),
        },
        Tree::List(items) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|item| evaluate(item.as_ref(), scope)).collect();
            Ok(Value::from(items?))
        }
        Tree::Table(members) if tree.get("base64").is_none() => {
            let members: Result<Vec<(&str, Value)>, String> = members
                .iter()
                .map(|(key, value)| Ok((key.as_ref().as_str(), evaluate(value.as_ref(), scope)?)))
                .collect();
            Ok(map(members?))
        }
        other => request::evaluate(other, scope),
    }
}

/// What stands in a field, as expressions see it; null where nothing does.
pub fn seen(message: &DynamicMessage, field: &FieldDescriptor) -> Value {
    member(&from_message(message), field.name()).cloned().unwrap_or(Value::Null)
}

/// A value as an element of a list, or as the value of an entry of a map.
///
/// # Errors
/// If it does not fit.
pub fn as_element(of: &FieldDescriptor, value: &Value) -> Result<Proto, String> {
    let one =
        if of.is_map() { map([("", value.clone())]) } else { Value::from(vec![value.clone()]) };
    let mut alone = DynamicMessage::new(of.parent_message().clone());
    request::fill(&mut alone, &map([(of.name(), one)]))?;
    let made = match alone.get_field(of).into_owned() {
        Proto::List(items) => items.into_iter().next(),
        Proto::Map(entries) => entries.into_values().next(),
        _ => None,
    };
    made.ok_or_else(|| format!("`{}` is neither a list nor a map", of.name()))
}

/// What an element is, as expressions see it.
pub fn element_seen(of: &FieldDescriptor, value: &Proto) -> Value {
    let mut alone = DynamicMessage::new(of.parent_message().clone());
    let key = prost_reflect::MapKey::String(String::new());
    let one = match of.is_map() {
        true => Proto::Map([(key, value.clone())].into()),
        false => Proto::List(vec![value.clone()]),
    };
    alone.set_field(of, one);
    match seen(&alone, of) {
        Value::List(items) => items.first().cloned().unwrap_or(Value::Null),
        entries => member(&entries, "").cloned().unwrap_or(Value::Null),
    }
}
