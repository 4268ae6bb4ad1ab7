//! Builds protobuf requests: a base request, what a step merges into it, what it leaves out.
//!
//! Messages merge deeply; lists and maps are replaced as a whole; setting one member of a oneof
//! drops the other (the protobuf library does that on its own).

use base64::Engine as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Proto,
};
use toml::Spanned;

use super::{
    expr::{Scope, Text, Value, value},
    tree::{Member, Tree},
};

/// Merges `tree` into `message`, evaluating its `$` parts in `scope`.
///
/// # Errors
/// The path of the field and what is wrong with its value.
pub fn merge(message: &mut DynamicMessage, tree: &Tree, scope: &Scope) -> Result<(), String> {
    merge_tree(message, tree, scope, "")
}

/// Merges the members of a table with layers over them, all of them tables, and without the `omitted` paths:
/// the same as [`overlay`] and [`merge`], and only what more than one layer has a part in is copied.
///
/// # Errors
/// The path of the field and what is wrong with its value.
pub fn merge_laid(
    message: &mut DynamicMessage,
    base: &[&Member],
    layers: &[&Tree],
    omitted: &[&str],
    scope: &Scope,
) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    let above = layers.iter().enumerate().flat_map(|(at, layer)| {
        let members = layer.members().iter();
        members.map(move |member| (member, &layers[at + 1..]))
    });
    for ((name, tree), above) in base.iter().map(|member| (*member, layers)).chain(above) {
        let (name, tree) = (name.as_ref().as_str(), tree.as_ref());
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        if omitted.contains(&name) {
            continue;
        }
        let over: Vec<&Tree> =
            above.iter().filter_map(|layer| layer.get(name)).map(Spanned::as_ref).collect();
        let out: Vec<&str> =
            omitted.iter().filter_map(|path| path.strip_prefix(name)?.strip_prefix('.')).collect();
        if over.is_empty() && out.is_empty() {
            merge_named(message, name, tree, scope, "")?;
            continue;
        }
        let inner = message_below(&message.descriptor(), name);
        let lay = |below: Tree, over: &Tree| lay(inner.as_ref(), &below, over);
        let mut laid = over.into_iter().fold(tree.clone(), lay);
        for path in out {
            take_out(&mut laid, path);
        }
        merge_named(message, name, &laid, scope, "")?;
    }
    Ok(())
}

/// Merges an evaluated value into a message.
///
/// # Errors
/// The path of the field and what is wrong with its value.
pub fn fill(message: &mut DynamicMessage, value: &Value) -> Result<(), String> {
    merge_value(message, value, "")
}

/// Merges an evaluated value into one field of a message.
///
/// # Errors
/// If there is no such field, or the path in it and what is wrong with the value.
pub fn put(message: &mut DynamicMessage, name: &str, value: &Value) -> Result<(), String> {
    merge_member(message, name, value, name)
}

/// A tree's value with its `$` parts evaluated. `{ base64 = "…" }` becomes bytes.
///
/// # Errors
/// What could not be evaluated.
pub fn evaluate(tree: &Tree, scope: &Scope) -> Result<Value, String> {
    Ok(match tree {
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Int(value) => Value::Int(*value),
        Tree::Float(value) => Value::Float(*value),
        Tree::Text(text) => Text::parse(text)?.value(scope)?,
        Tree::List(items) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|item| evaluate(item.as_ref(), scope)).collect();
            Value::from(items?)
        }
        Tree::Table(members) => {
            if let [(key, text)] = members.as_slice()
                && key.as_ref() == "base64"
                && let Tree::Text(text) = text.as_ref()
            {
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .map_err(|error| format!("`{text}` is not base64: {error}"))?;
                return Ok(Value::from(bytes));
            }
            let members: Result<Vec<(&str, Value)>, String> = members
                .iter()
                .map(|(key, value)| Ok((key.as_ref().as_str(), evaluate(value.as_ref(), scope)?)))
                .collect();
            value::map(members?)
        }
    })
}

/// The same as evaluating the tree and merging its value, without a map for each message in it.
fn merge_tree(
    message: &mut DynamicMessage,
    tree: &Tree,
    scope: &Scope,
    path: &str,
) -> Result<(), String> {
    let Tree::Table(members) = tree else {
        return merge_value(message, &evaluate(tree, scope)?, path);
    };
    for (name, tree) in members {
        merge_named(message, name.as_ref(), tree.as_ref(), scope, path)?;
    }
    Ok(())
}

fn merge_named(
    message: &mut DynamicMessage,
    name: &str,
    tree: &Tree,
    scope: &Scope,
    path: &str,
) -> Result<(), String> {
    let below = || if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let field = message.descriptor().get_field_by_name(name).ok_or_else(|| {
        format!("`{}`: {} has no field `{name}`", below(), message.descriptor().name())
    })?;
    if holds_message(&field) && matches!(tree, Tree::Table(_)) {
        let Proto::Message(inner) = message.get_field_mut(&field) else { return Ok(()) };
        merge_tree(inner, tree, scope, &below())
    } else if let (Kind::Message(kind), true, Tree::List(items)) =
        (field.kind(), field.is_list(), tree)
        && items.iter().all(|item| matches!(item.as_ref(), Tree::Table(_)))
    {
        let each = |(at, item): (usize, &Spanned<Tree>)| {
            let mut message = DynamicMessage::new(kind.clone());
            merge_tree(&mut message, item.as_ref(), scope, &format!("{}[{at}]", below()))?;
            Ok(Proto::Message(message))
        };
        let items: Result<Vec<Proto>, String> = items.iter().enumerate().map(each).collect();
        message.set_field(&field, Proto::List(items?));
        Ok(())
    } else {
        merge_field(message, &field, &evaluate(tree, scope)?, &below())
    }
}

/// Whether the value of a field is one message.
fn holds_message(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(_)) && !field.is_list() && !field.is_map()
}

fn merge_value(message: &mut DynamicMessage, value: &Value, path: &str) -> Result<(), String> {
    let Value::Map(members) = value else {
        return Err(format!("{} takes named fields", message.descriptor().name()));
    };
    for (name, value) in members.map.iter() {
        let name = name.to_string();
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        merge_member(message, &name, value, &path)?;
    }
    Ok(())
}

fn merge_member(
    message: &mut DynamicMessage,
    name: &str,
    value: &Value,
    path: &str,
) -> Result<(), String> {
    let field = message.descriptor().get_field_by_name(name).ok_or_else(|| {
        format!("`{path}`: {} has no field `{name}`", message.descriptor().name())
    })?;
    merge_field(message, &field, value, path)
}

fn merge_field(
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    value: &Value,
    path: &str,
) -> Result<(), String> {
    if !holds_message(field) {
        message.set_field(field, to_proto(field, value, path)?);
        return Ok(());
    }
    if matches!(value, Value::Null) {
        message.clear_field(field);
        return Ok(());
    }
    match message.get_field_mut(field) {
        Proto::Message(inner) => merge_value(inner, value, path),
        _ => Ok(()),
    }
}

fn to_proto(field: &FieldDescriptor, value: &Value, path: &str) -> Result<Proto, String> {
    match value {
        Value::List(items) if field.is_list() => items
            .iter()
            .enumerate()
            .map(|(at, item)| single(&field.kind(), item, &format!("{path}[{at}]")))
            .collect::<Result<Vec<_>, _>>()
            .map(Proto::List),
        Value::Map(entries) if field.is_map() => {
            let Kind::Message(entry) = field.kind() else { return Err(path.to_owned()) };
            let kind = entry.map_entry_value_field().kind();
            entries
                .map
                .iter()
                .map(|(key, value)| {
                    let key = key.to_string();
                    let value = single(&kind, value, &format!("{path}[{key}]"))?;
                    Ok((MapKey::String(key), value))
                })
                .collect::<Result<_, String>>()
                .map(Proto::Map)
        }
        _ if field.is_list() => Err(format!("`{path}` is a list")),
        _ if field.is_map() => Err(format!("`{path}` is a map")),
        value => single(&field.kind(), value, path),
    }
}

fn single(kind: &Kind, value: &Value, path: &str) -> Result<Proto, String> {
    let wrong = |what: &str| format!("`{path}` takes {what}, not {}", value::brief(value));
    // 64-bit values beyond TOML's range are written as text.
    let integer = || -> Option<i128> {
        match value {
            Value::Int(value) => Some((*value).into()),
            Value::UInt(value) => Some((*value).into()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    };
    macro_rules! number {
        ($type:ty, $variant:ident) => {
            integer()
                .and_then(|value| <$type>::try_from(value).ok())
                .map(Proto::$variant)
                .ok_or_else(|| wrong(concat!("a number that fits ", stringify!($type))))
        };
    }
    match kind {
        Kind::Bool => match value {
            Value::Bool(value) => Ok(Proto::Bool(*value)),
            _ => Err(wrong("true or false")),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => number!(i32, I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => number!(i64, I64),
        Kind::Uint32 | Kind::Fixed32 => number!(u32, U32),
        Kind::Uint64 | Kind::Fixed64 => number!(u64, U64),
        Kind::Double => match value {
            Value::Float(value) => Ok(Proto::F64(*value)),
            _ => Err(wrong("a number")),
        },
        Kind::Float => Err(wrong("nothing yet: no interface of ours has a 32-bit float")),
        Kind::String => match value {
            Value::String(text) => Ok(Proto::String(text.as_str().to_owned())),
            Value::Bytes(bytes) => {
                String::from_utf8(bytes.to_vec()).map(Proto::String).map_err(|_| wrong("text"))
            }
            _ => Err(wrong("text")),
        },
        Kind::Bytes => match value {
            Value::String(text) => Ok(Proto::Bytes(text.as_str().to_owned().into())),
            Value::Bytes(bytes) => Ok(Proto::Bytes(bytes.to_vec().into())),
            _ => Err(wrong("text or { base64 = \"…\" }")),
        },
        Kind::Enum(descriptor) => match value {
            Value::String(name) => descriptor
                .get_value_by_name(name)
                .map(|value| Proto::EnumNumber(value.number()))
                .ok_or_else(|| format!("`{path}`: {} has no value `{name}`", descriptor.name())),
            Value::Int(number) => i32::try_from(*number)
                .map(Proto::EnumNumber)
                .map_err(|_| wrong("an enum's name or number")),
            _ => Err(wrong("an enum's name or number")),
        },
        Kind::Message(descriptor) => {
            let mut message = DynamicMessage::new(descriptor.clone());
            merge_value(&mut message, value, path)?;
            Ok(Proto::Message(message))
        }
    }
}

/// Takes the field at `path` (`config.metadata`) out of a message.
///
/// # Errors
/// If there is no such field.
pub fn omit(message: &mut DynamicMessage, path: &str) -> Result<(), String> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let field = message
        .descriptor()
        .get_field_by_name(name)
        .ok_or_else(|| format!("{} has no field `{name}`", message.descriptor().name()))?;
    match rest {
        None => {
            message.clear_field(&field);
            Ok(())
        }
        Some(rest) => match message.get_field_mut(&field) {
            Proto::Message(inner) => omit(inner, rest),
            _ => Err(format!("`{name}` is no message, so that nothing in it can be left out")),
        },
    }
}

/// The descriptor of the field at `path` (`config.metadata`).
///
/// # Errors
/// If there is no such field.
pub fn field_at(message: &MessageDescriptor, path: &str) -> Result<FieldDescriptor, String> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let field = message
        .get_field_by_name(name)
        .ok_or_else(|| format!("{} has no field `{name}`", message.name()))?;
    match (rest, field.kind()) {
        (None, _) => Ok(field),
        (Some(rest), Kind::Message(inner)) if !field.is_list() => field_at(&inner, rest),
        (Some(_), _) => {
            Err(format!("`{name}` is no message, so that nothing in it can be left out"))
        }
    }
}

/// Whether a literal value fits a field.
///
/// # Errors
/// What it takes instead.
pub fn literal(field: &FieldDescriptor, tree: &Tree) -> Result<(), String> {
    let value = evaluate(tree, &Scope::new())?;
    to_proto(field, &value, field.name()).map(drop)
}

/// Lays `over` on `base` and takes the `omitted` paths out, before anything is evaluated: what is
/// replaced or left out need not be known.
pub fn overlay(
    message: &MessageDescriptor,
    base: &Tree,
    over: Option<&Tree>,
    omitted: &[&str],
) -> Tree {
    let mut merged = match over {
        Some(over) => lay(Some(message), base, over),
        None => base.clone(),
    };
    for path in omitted {
        take_out(&mut merged, path);
    }
    merged
}

/// Lays the members of one table on those of another; for parameters, which have no descriptor.
pub fn put_over(base: &Tree, over: &Tree) -> Tree {
    let (Tree::Table(below), Tree::Table(above)) = (base, over) else { return over.clone() };
    let mut merged = below.clone();
    for (key, value) in above {
        merged.retain(|(known, _)| known.as_ref() != key.as_ref());
        merged.push((key.clone(), value.clone()));
    }
    Tree::Table(merged)
}

fn lay(message: Option<&MessageDescriptor>, base: &Tree, over: &Tree) -> Tree {
    // Only messages merge deeply; without a descriptor this is a map or a list.
    let (Some(message), Tree::Table(below), Tree::Table(above)) = (message, base, over) else {
        return over.clone();
    };
    let mut merged = below.clone();
    for (key, value) in above {
        let inner = message_below(message, key.as_ref());
        match merged.iter_mut().find(|(known, _)| known.as_ref() == key.as_ref()) {
            Some((_, present)) => {
                let laid = lay(inner.as_ref(), present.as_ref(), value.as_ref());
                *present = Spanned::new(value.span(), laid);
            }
            None => merged.push((key.clone(), value.clone())),
        }
    }
    Tree::Table(merged)
}

/// The type of a field that holds one message.
fn message_below(message: &MessageDescriptor, name: &str) -> Option<MessageDescriptor> {
    let field = message.get_field_by_name(name)?;
    match field.kind() {
        Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
        _ => None,
    }
}

fn take_out(tree: &mut Tree, path: &str) {
    let Tree::Table(members) = tree else { return };
    match path.split_once('.') {
        None => members.retain(|(key, _)| key.as_ref() != path),
        Some((name, rest)) => {
            if let Some((_, inner)) = members.iter_mut().find(|(key, _)| key.as_ref() == name) {
                take_out(inner.as_mut(), rest);
            }
        }
    }
}

/// Everything in a tree that may hold `$` parts, with its place.
pub fn texts(tree: &Spanned<Tree>) -> Vec<Spanned<&str>> {
    match tree.as_ref() {
        Tree::Text(text) => vec![Spanned::new(tree.span(), text)],
        Tree::List(items) => items.iter().flat_map(texts).collect(),
        Tree::Table(members) => members.iter().flat_map(|(_, value)| texts(value)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{expr::value, rpc};

    /// A request by [`merge_laid`], and by what it stands for.
    fn both(base: &str, layers: &[&str], omitted: &[&str]) -> [Result<DynamicMessage, String>; 2] {
        let message = rpc::find("csi.v1", "Controller/CreateVolume").unwrap().input();
        let range = value::map([("limit_bytes", Value::Int(9))]);
        let scope = Scope::from([("name".to_owned(), "n".into()), ("range".to_owned(), range)]);
        let tree = |text: &&str| toml::from_str::<Tree>(text).unwrap();
        let (base, layers): (Tree, Vec<Tree>) = (tree(&base), layers.iter().map(tree).collect());
        let omit = |mut made: DynamicMessage| {
            omitted.iter().try_for_each(|path| super::omit(&mut made, path)).map(|()| made)
        };
        let mut laid = DynamicMessage::new(message.clone());
        let members: Vec<&Member> = base.members().iter().collect();
        let above: Vec<&Tree> = layers.iter().collect();
        let laid =
            merge_laid(&mut laid, &members, &above, omitted, &scope).and_then(|()| omit(laid));
        let mut whole = DynamicMessage::new(message.clone());
        let lay = |below: Tree, over: &Tree| overlay(&message, &below, Some(over), &[]);
        let tree = layers.iter().fold(base.clone(), lay);
        let tree = overlay(&message, &tree, None, omitted);
        [laid, merge(&mut whole, &tree, &scope).and_then(|()| omit(whole))]
    }

    #[test]
    fn layers_are_laid_as_their_trees_would_be() {
        const BASE: &str = r#"
            name = "$name"
            capacity_range = { required_bytes = 5, limit_bytes = 7 }
            volume_capabilities = [{ mount = {}, access_mode = { mode = "SINGLE_NODE_WRITER" } }]
            parameters = { a = "1" }
            volume_content_source = { snapshot = { snapshot_id = "s" } }
            secrets = "$nobody.knows"
        "#;
        let cases: [(&[&str], &[&str]); 10] = [
            (&["secrets = {}"], &[]),
            (&["secrets = { x = 'y' }", "secrets = { z = '' }"], &[]),
            (&["capacity_range = { limit_bytes = 8 }"], &["secrets"]),
            (
                &[
                    "capacity_range = { limit_bytes = 8 }",
                    "capacity_range = { required_bytes = 1 }",
                ],
                &["secrets", "capacity_range.limit_bytes"],
            ),
            (
                &["capacity_range = '$range'", "capacity_range = { required_bytes = 2 }"],
                &["secrets"],
            ),
            (&["capacity_range = '$range'"], &["secrets"]),
            (&["volume_content_source = { volume = { volume_id = 'v' } }"], &["secrets"]),
            (&["volume_capabilities = []", "parameters = { b = '2' }"], &["secrets", "name"]),
            (&["mutable_parameters = { m = '1' }", "mutable_parameters = {}"], &["secrets"]),
            (&[], &["secrets", "volume_content_source.snapshot.snapshot_id"]),
        ];
        for (layers, omitted) in cases {
            let [laid, whole] = both(BASE, layers, omitted);
            assert_eq!(laid.unwrap(), whole.unwrap(), "{layers:?} without {omitted:?}");
        }
        for layers in [&[][..], &["nothing = 1", "secrets = {}"], &["name = {}", "secrets = {}"]] {
            let [laid, whole] = both(BASE, layers, &[]);
            assert_eq!(laid.unwrap_err(), whole.unwrap_err(), "{layers:?}");
        }
    }

    #[test]
    fn a_value_takes_the_place_of_what_a_field_held() {
        let message = rpc::find("csi.v1", "Controller/CreateVolume").unwrap().input();
        let mut made = DynamicMessage::new(message);
        put(&mut made, "name", &"a".into()).unwrap();
        put(&mut made, "name", &"b".into()).unwrap();
        put(&mut made, "capacity_range", &value::map([("limit_bytes", Value::Int(1))])).unwrap();
        assert_eq!(made.get_field_by_name("name").unwrap().as_str(), Some("b"));
        assert!(made.has_field_by_name("capacity_range"));
        assert!(put(&mut made, "nothing", &Value::Int(1)).is_err());
        assert!(put(&mut made, "name", &Value::Null).is_err());
    }
}
