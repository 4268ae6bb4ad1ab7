//! From protobuf messages to the values of expressions, and back into requests.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Proto,
};
use stdcheck::{
    proto,
    suite::{
        expr::{Expr, Judgement, Scope, Value, value},
        request,
    },
};

/// How deep messages are filled.
const DEPTH: u32 = 3;

/// Every message of the interface but the entries of maps.
fn descriptors() -> Vec<MessageDescriptor> {
    proto::pool()
        .all_messages()
        .filter(|message| message.package_name() == "runtime.v1" && !message.is_map_entry())
        .collect()
}

/// Any message of any type of the interface.
fn message() -> impl Strategy<Value = DynamicMessage> {
    prop::sample::select(descriptors()).prop_flat_map(|descriptor| filled(descriptor, DEPTH))
}

/// A message with any of its fields set to anything.
fn filled(descriptor: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let fields: Vec<FieldDescriptor> = descriptor.fields().collect();
    let values: Vec<_> =
        fields.iter().map(|field| prop::option::of(content(field, depth))).collect();
    values
        .prop_map(move |values| {
            let mut message = DynamicMessage::new(descriptor.clone());
            for (field, value) in fields.iter().zip(values) {
                if let Some(value) = value {
                    message.set_field(field, value);
                }
            }
            message
        })
        .boxed()
}

fn content(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Proto> {
    if field.is_map()
        && let Kind::Message(entry) = field.kind()
    {
        let value = single(&entry.map_entry_value_field().kind(), depth);
        let key = any::<String>().prop_map(MapKey::String);
        return prop::collection::hash_map(key, value, 0..3).prop_map(Proto::Map).boxed();
    }
    if field.is_list() {
        let item = single(&field.kind(), depth);
        return prop::collection::vec(item, 0..3).prop_map(Proto::List).boxed();
    }
    single(&field.kind(), depth)
}

fn single(kind: &Kind, depth: u32) -> BoxedStrategy<Proto> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(Proto::Bool).boxed(),
        Kind::Int32 => any::<i32>().prop_map(Proto::I32).boxed(),
        Kind::Int64 => any::<i64>().prop_map(Proto::I64).boxed(),
        Kind::Uint32 => any::<u32>().prop_map(Proto::U32).boxed(),
        Kind::Uint64 => any::<u64>().prop_map(Proto::U64).boxed(),
        Kind::Double => prop::num::f64::NORMAL.prop_map(Proto::F64).boxed(),
        Kind::String => any::<String>().prop_map(Proto::String).boxed(),
        Kind::Bytes => any::<Vec<u8>>().prop_map(|bytes| Proto::Bytes(bytes.into())).boxed(),
        // Known and unknown values alike.
        Kind::Enum(_) => prop_oneof![-2..6_i32, any::<i32>()].prop_map(Proto::EnumNumber).boxed(),
        Kind::Message(inner) if depth > 0 => {
            filled(inner.clone(), depth - 1).prop_map(Proto::Message).boxed()
        }
        Kind::Message(inner) => Just(Proto::Message(DynamicMessage::new(inner.clone()))).boxed(),
        other => panic!("the interface has no {other:?}"),
    }
}

/// Whether a value has the type that its field's must have.
fn keeps_its_type(kind: &Kind, proto: &Proto, value: &Value) -> bool {
    match (kind, proto, value) {
        (_, Proto::Bool(a), Value::Bool(b)) => a == b,
        (_, Proto::I32(a), Value::Int(b)) => i64::from(*a) == *b,
        (_, Proto::I64(a), Value::Int(b)) => a == b,
        (_, Proto::U32(a), Value::UInt(b)) => u64::from(*a) == *b,
        (_, Proto::U64(a), Value::UInt(b)) => a == b,
        (_, Proto::F64(a), Value::Float(b)) => a == b,
        (_, Proto::String(a), Value::String(b)) => a.as_str() == b.as_str(),
        (_, Proto::Bytes(a), Value::Bytes(b)) => a.as_ref() == b.as_slice(),
        (Kind::Enum(names), Proto::EnumNumber(a), Value::String(b)) => {
            names.get_value(*a).is_some_and(|known| known.name() == b.as_str())
        }
        (Kind::Enum(names), Proto::EnumNumber(a), Value::Int(b)) => {
            names.get_value(*a).is_none() && i64::from(*a) == *b
        }
        (_, Proto::Message(inner), value) => keep_their_types(inner, value),
        _ => false,
    }
}

fn keep_their_types(message: &DynamicMessage, value: &Value) -> bool {
    message.descriptor().fields().all(|field| {
        let member = value::member(value, field.name());
        if field.supports_presence() && !message.has_field(&field) {
            // Reading through it is an error and not a default.
            return member.is_none();
        }
        let proto = message.get_field(&field);
        match (proto.as_ref(), member) {
            (Proto::List(items), Some(Value::List(values))) => {
                items.len() == values.len()
                    && items
                        .iter()
                        .zip(values.iter())
                        .all(|(item, value)| keeps_its_type(&field.kind(), item, value))
            }
            (Proto::Map(entries), Some(map @ Value::Map(values))) => {
                let Kind::Message(entry) = field.kind() else { return false };
                let kind = entry.map_entry_value_field().kind();
                entries.len() == values.map.len()
                    && entries.iter().all(|(key, item)| {
                        let found = key.as_str().and_then(|key| value::member(map, key));
                        found.is_some_and(|value| keeps_its_type(&kind, item, value))
                    })
            }
            (single, Some(value)) => keeps_its_type(&field.kind(), single, value),
            (_, None) => false,
        }
    })
}

/// What the other side sees: there, a default is the same as nothing.
fn on_the_wire(message: &DynamicMessage) -> DynamicMessage {
    let bytes = message.encode_to_vec();
    DynamicMessage::decode(message.descriptor(), bytes.as_slice()).expect("our own bytes")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_field_keeps_its_type(message in message()) {
        prop_assert!(keep_their_types(&message, &value::from_message(&message)), "{:?}", message);
    }

    #[test]
    fn a_value_makes_the_request_that_it_came_from(message in message()) {
        let mut again = DynamicMessage::new(message.descriptor());
        let filled = request::fill(&mut again, &value::from_message(&message));
        prop_assert_eq!(filled, Ok(()));
        prop_assert_eq!(on_the_wire(&again), on_the_wire(&message));
    }

    #[test]
    fn no_text_makes_an_expression_panic(text in any::<String>()) {
        if let Ok(expr) = Expr::compile(&text) {
            // Nothing is known, and nothing holds by chance.
            prop_assert_ne!(expr.judge(&Scope::new()), Judgement::Broken(String::new()));
        }
    }

    #[test]
    fn what_is_unset_is_never_true(text in "reply[.](status|image|linux)[.](state|id|cgroup_driver) (==|!=) ('x'|1|2u)") {
        let scope = Scope::from([("reply".to_owned(), value::map([]))]);
        let expr = Expr::compile(&text).expect("it is an expression");
        let judged = expr.judge(&scope);
        prop_assert!(
            matches!(&judged, Judgement::Undecided(why) if why.contains("unset")),
            "{}: {:?}", text, judged
        );
    }
}
