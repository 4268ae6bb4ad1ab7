//! A table and the compiled descriptors as flat facts (`field Mount.image` → `9 ImageSpec since=1.31`),
//! which are compared in both directions, so that one run names everything that is missing, extra or
//! different.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind,
    MessageDescriptor,
};
use stdcheck::proto;

use crate::table::{Enum, Field, Message, Table};

/// What is said about each thing. Two things of one name are a mistake of their own.
#[derive(Default)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    fn add(&mut self, what: String, is: String) {
        if let Some(before) = self.0.insert(what.clone(), is) {
            panic!("{what} stands twice, first as {before}");
        }
    }

    fn method(
        &mut self,
        name: &str,
        input: &str,
        output: &str,
        streams: (bool, bool),
        since: Option<&str>,
        options: &str,
    ) {
        let arrow = |stream: bool| if stream { "stream " } else { "" };
        let (client, server) = (arrow(streams.0), arrow(streams.1));
        let is = format!("{client}{input} -> {server}{output}{}{}", with(options), tail(since));
        self.add(format!("rpc {name}"), is);
    }

    fn message(&mut self, name: &str, map_entry: bool, since: Option<&str>, options: &str) {
        let is = if map_entry { "map entry" } else { "message" };
        self.add(format!("message {name}"), format!("{is}{}{}", with(options), tail(since)));
    }

    fn field(&mut self, name: &str, fact: &Field) {
        let mut is = fact.number.to_string();
        if fact.repeated {
            is.push_str(" repeated");
        }
        write!(is, " {}", fact.kind).unwrap();
        if let Some(oneof) = &fact.oneof {
            write!(is, " oneof={oneof}").unwrap();
        }
        if fact.deprecated {
            is.push_str(" deprecated");
        }
        is.push_str(&with(&fact.options_hex));
        if fact.presence.is_some() {
            is.push_str(" required");
        }
        is.push_str(&tail(fact.since.as_deref()));
        self.add(format!("field {name}"), is);
    }

    fn value(&mut self, name: &str, number: i64, since: Option<&str>, options: &str) {
        self.add(format!("value {name}"), format!("{number}{}{}", with(options), tail(since)));
    }

    /// Every difference as one line, ours first: `self` is the table.
    pub fn differences(&self, compiled: &Facts) -> Vec<String> {
        let mut found = Vec::new();
        for (what, is) in &self.0 {
            match compiled.0.get(what) {
                None => found.push(format!("missing: {what} = {is}")),
                Some(ours) if ours != is => {
                    found.push(format!("different: {what}: table {is}, compiled {ours}"))
                }
                Some(_) => {}
            }
        }
        for (what, is) in &compiled.0 {
            if !self.0.contains_key(what) {
                found.push(format!("extra: {what} = {is}"));
            }
        }
        found
    }
}

fn with(options: &str) -> String {
    if options.is_empty() { String::new() } else { format!(" options={options}") }
}

fn tail(since: Option<&str>) -> String {
    since.map(|s| format!(" since={s}")).unwrap_or_default()
}

/// What a table says. `zero_counts` are the REQUIRED fields whose zero is a value like any other.
pub fn of_table(table: &Table, zero_counts: &[&str]) -> Facts {
    let mut facts = Facts::default();
    let package = &table.package;
    for service in &table.services {
        let name = format!("{package}.{}", service.name);
        facts.add(format!("service {name}"), format!("service{}", with(&service.options_hex)));
        for m in &service.methods {
            let streams = (m.client_streaming, m.server_streaming);
            let name = format!("{name}.{}", m.name);
            let since = m.since.as_deref();
            facts.method(&name, &m.input, &m.output, streams, since, &m.options_hex);
        }
    }
    for message in &table.messages {
        table_message(&mut facts, package, message, zero_counts);
    }
    for e in &table.enums {
        table_enum(&mut facts, package, e);
    }
    facts
}

fn table_message(facts: &mut Facts, scope: &str, message: &Message, zero_counts: &[&str]) {
    let name = format!("{scope}.{}", message.name);
    facts.message(&name, message.map_entry, message.since.as_deref(), &message.options_hex);
    for field in &message.fields {
        let full = format!("{name}.{}", field.name);
        let required = field.presence.as_deref() == Some("REQUIRED");
        let counts = zero_counts.iter().any(|known| full.ends_with(&format!(".{known}")));
        let presence = (required && !counts).then(String::new);
        facts.field(&full, &Field { presence, ..field.clone() });
    }
    for nested in &message.messages {
        table_message(facts, &name, nested, zero_counts);
    }
    for nested in &message.enums {
        table_enum(facts, &name, nested);
    }
}

fn table_enum(facts: &mut Facts, scope: &str, e: &Enum) {
    let name = format!("{scope}.{}", e.name);
    facts.add(format!("enum {name}"), format!("enum{}", with(&e.options_hex)));
    for value in &e.values {
        let (name, since) = (format!("{name}.{}", value.name), value.since.as_deref());
        facts.value(&name, value.number, since, &value.options_hex);
    }
}

/// What the compiled descriptors of a package say.
pub fn of_pool(pool: &DescriptorPool, package: &str) -> Facts {
    let mut facts = Facts::default();
    for service in pool.services().filter(|s| s.package_name() == package) {
        let options = theirs(service.options());
        facts.add(format!("service {}", service.full_name()), format!("service{}", with(&options)));
        for m in service.methods() {
            let streams = (m.is_client_streaming(), m.is_server_streaming());
            let (input, output) = (m.input(), m.output());
            let since = proto::since_of_method(&m);
            facts.method(
                m.full_name(),
                input.full_name(),
                output.full_name(),
                streams,
                since.as_deref(),
                &theirs(m.options()),
            );
        }
    }
    // These two hold nested ones as well.
    for message in pool.all_messages().filter(|m| m.package_name() == package) {
        pool_message(&mut facts, &message);
    }
    for e in pool.all_enums().filter(|e| e.package_name() == package) {
        pool_enum(&mut facts, &e);
    }
    facts
}

fn pool_message(facts: &mut Facts, message: &MessageDescriptor) {
    // A map's entry is generated and cannot be marked: it is as old as the field that it serves.
    let owner = map_field_of(message);
    let since = match &owner {
        Some(field) => proto::since_of_field(field),
        None => proto::since_of_message(message),
    };
    let map_entry = message.is_map_entry();
    // Protobuf marks an entry by an option of its own.
    let options = if map_entry { String::new() } else { theirs(message.options()) };
    facts.message(message.full_name(), map_entry, since.as_deref(), &options);
    for field in message.fields() {
        let since = match &owner {
            Some(_) => since.clone(),
            None => proto::since_of_field(&field),
        };
        facts.field(field.full_name(), &field_of_pool(&field, since));
    }
}

fn map_field_of(entry: &MessageDescriptor) -> Option<FieldDescriptor> {
    if !entry.is_map_entry() {
        return None;
    }
    let parent = entry.parent_message().expect("a map entry is nested");
    let field = parent.fields().find(|f| f.kind().as_message() == Some(entry));
    Some(field.expect("a map entry has a field"))
}

fn field_of_pool(field: &FieldDescriptor, since: Option<String>) -> Field {
    Field {
        name: field.name().into(),
        number: field.number().into(),
        kind: type_name(&field.kind()),
        repeated: field.cardinality() == Cardinality::Repeated,
        oneof: field.containing_oneof().map(|o| o.name().into()),
        deprecated: flag(&field.options(), "deprecated"),
        options_hex: theirs(field.options()),
        since,
        presence: proto::is_required(field).then(String::new),
    }
}

fn pool_enum(facts: &mut Facts, e: &EnumDescriptor) {
    let options = theirs(e.options());
    facts.add(format!("enum {}", e.full_name()), format!("enum{}", with(&options)));
    for value in e.values() {
        let name = format!("{}.{}", e.full_name(), value.name());
        let (number, since) = (value.number().into(), proto::since_of_enum_value(&value));
        facts.value(&name, number, since.as_deref(), &theirs(value.options()));
    }
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(m) => m.full_name().into(),
        Kind::Enum(e) => e.full_name().into(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn flag(options: &DynamicMessage, name: &str) -> bool {
    options.get_field_by_name(name).and_then(|v| v.as_bool()).unwrap_or(false)
}

/// The options of the original, encoded: ours taken away.
fn theirs(mut options: DynamicMessage) -> String {
    let ours: Vec<_> = options
        .extensions()
        .map(|(extension, _)| extension)
        .filter(|extension| extension.full_name().starts_with("stdcheck."))
        .collect();
    for extension in ours {
        options.clear_extension(&extension);
    }
    hex(&options.encode_to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
