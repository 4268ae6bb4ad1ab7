//! Holds proto/cri/v1/runtime.proto against the wire table of the CRI, tests/data/cri-v1.json.
//!
//! Both sides are laid out as flat facts (`field Mount.image` → `9 ImageSpec since=1.31`), which are
//! then compared in both directions, so that one run names everything that is missing, extra or
//! different.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind,
    MessageDescriptor,
};
use serde::Deserialize;
use stdcheck::proto;

const PACKAGE: &str = "runtime.v1";

// ---- The table --------------------------------------------------------------------------------
// Unknown keys are refused: a new kind of fact in the table must not go unchecked.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    package: String,
    imports: Vec<String>,
    extensions: Vec<serde_json::Value>,
    services: Vec<Service>,
    messages: Vec<Message>,
    enums: Vec<Enum>,
    #[serde(rename = "note")]
    _note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    name: String,
    methods: Vec<Method>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Method {
    name: String,
    input: String,
    output: String,
    #[serde(default)]
    client_streaming: bool,
    #[serde(default)]
    server_streaming: bool,
    since: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    name: String,
    fields: Vec<Field>,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    enums: Vec<Enum>,
    #[serde(default)]
    map_entry: bool,
    since: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    number: i64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    repeated: bool,
    oneof: Option<String>,
    #[serde(default)]
    deprecated: bool,
    /// All options of the field but ours, as encoded: 1801 is deprecated, 800101 debug_redact.
    #[serde(default)]
    options_hex: String,
    since: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enum {
    name: String,
    values: Vec<EnumValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnumValue {
    name: String,
    number: i64,
    since: Option<String>,
}

fn table() -> Table {
    serde_json::from_str(include_str!("data/cri-v1.json")).expect("the table can be read")
}

// ---- Facts ------------------------------------------------------------------------------------

/// What is said about each thing. Two things of one name are a mistake of their own.
#[derive(Default)]
struct Facts(BTreeMap<String, String>);

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
    ) {
        let arrow = |stream: bool| if stream { "stream " } else { "" };
        let (client, server) = (arrow(streams.0), arrow(streams.1));
        let is = format!("{client}{input} -> {server}{output}{}", tail(since));
        self.add(format!("rpc {name}"), is);
    }

    fn message(&mut self, name: &str, map_entry: bool, since: Option<&str>) {
        let is = if map_entry { "map entry" } else { "message" };
        self.add(format!("message {name}"), format!("{is}{}", tail(since)));
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
        if !fact.options_hex.is_empty() {
            write!(is, " options={}", fact.options_hex).unwrap();
        }
        is.push_str(&tail(fact.since.as_deref()));
        self.add(format!("field {name}"), is);
    }

    fn value(&mut self, name: &str, number: i64, since: Option<&str>) {
        self.add(format!("value {name}"), format!("{number}{}", tail(since)));
    }

    /// Every difference as one line, ours first: `self` is the table.
    fn differences(&self, compiled: &Facts) -> Vec<String> {
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

fn tail(since: Option<&str>) -> String {
    since.map(|s| format!(" since={s}")).unwrap_or_default()
}

// ---- Facts of the table -----------------------------------------------------------------------

fn facts_of_table(table: &Table) -> Facts {
    let mut facts = Facts::default();
    let package = &table.package;
    for service in &table.services {
        let name = format!("{package}.{}", service.name);
        facts.add(format!("service {name}"), "service".into());
        for m in &service.methods {
            let streams = (m.client_streaming, m.server_streaming);
            let name = format!("{name}.{}", m.name);
            facts.method(&name, &m.input, &m.output, streams, m.since.as_deref());
        }
    }
    for message in &table.messages {
        table_message(&mut facts, package, message);
    }
    for e in &table.enums {
        table_enum(&mut facts, package, e);
    }
    facts
}

fn table_message(facts: &mut Facts, scope: &str, message: &Message) {
    let name = format!("{scope}.{}", message.name);
    facts.message(&name, message.map_entry, message.since.as_deref());
    for field in &message.fields {
        facts.field(&format!("{name}.{}", field.name), field);
    }
    for nested in &message.messages {
        table_message(facts, &name, nested);
    }
    for nested in &message.enums {
        table_enum(facts, &name, nested);
    }
}

fn table_enum(facts: &mut Facts, scope: &str, e: &Enum) {
    let name = format!("{scope}.{}", e.name);
    facts.add(format!("enum {name}"), "enum".into());
    for value in &e.values {
        facts.value(&format!("{name}.{}", value.name), value.number, value.since.as_deref());
    }
}

// ---- Facts of the compiled descriptors --------------------------------------------------------

fn facts_of_pool(pool: &DescriptorPool, package: &str) -> Facts {
    let mut facts = Facts::default();
    for service in pool.services().filter(|s| s.package_name() == package) {
        facts.add(format!("service {}", service.full_name()), "service".into());
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
    facts.message(message.full_name(), message.is_map_entry(), since.as_deref());
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
    let mut options = field.options();
    if let Some(ours) = field.parent_pool().get_extension_by_name("stdcheck.field_since") {
        options.clear_extension(&ours);
    }
    Field {
        name: field.name().into(),
        number: field.number().into(),
        kind: type_name(&field.kind()),
        repeated: field.cardinality() == Cardinality::Repeated,
        oneof: field.containing_oneof().map(|o| o.name().into()),
        deprecated: flag(&options, "deprecated"),
        options_hex: hex(&options.encode_to_vec()),
        since,
    }
}

fn pool_enum(facts: &mut Facts, e: &EnumDescriptor) {
    facts.add(format!("enum {}", e.full_name()), "enum".into());
    for value in e.values() {
        let name = format!("{}.{}", e.full_name(), value.name());
        facts.value(&name, value.number().into(), proto::since_of_enum_value(&value).as_deref());
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

// ---- Tests ------------------------------------------------------------------------------------

fn compare(table: &Table) -> Vec<String> {
    facts_of_table(table).differences(&facts_of_pool(proto::pool(), PACKAGE))
}

#[test]
fn compiled_descriptors_agree_with_the_table() {
    let found = compare(&table());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn table_and_package_are_as_large_as_they_should_be() {
    let table = table();
    assert_eq!(table.package, PACKAGE);
    assert!(table.imports.is_empty() && table.extensions.is_empty());
    let pool = proto::pool();
    let rpcs: usize =
        pool.services().filter(|s| s.package_name() == PACKAGE).map(|s| s.methods().len()).sum();
    let top =
        pool.all_messages().filter(|m| m.package_name() == PACKAGE && m.parent_message().is_none());
    let enums =
        pool.all_enums().filter(|e| e.package_name() == PACKAGE && e.parent_message().is_none());
    assert_eq!((rpcs, top.count(), enums.count()), (43, 175, 10));
    // The original defines no options of its own, and neither may its rendering here.
    assert_eq!(pool.all_extensions().filter(|e| e.package_name() == PACKAGE).count(), 0);
}

#[test]
fn secrets_are_those_of_the_table() {
    let mut marked: Vec<String> = Vec::new();
    for message in proto::pool().all_messages().filter(|m| m.package_name() == PACKAGE) {
        marked.extend(message.fields().filter(proto::is_secret).map(|f| f.full_name().to_owned()));
    }
    marked.sort();
    let mut wanted: Vec<String> = Vec::new();
    for message in table().messages {
        let secret = message.fields.iter().filter(|f| f.options_hex == "800101");
        wanted.extend(secret.map(|f| format!("{PACKAGE}.{}.{}", message.name, f.name)));
    }
    wanted.sort();
    assert_eq!(marked, wanted);
    assert!(!marked.is_empty());
}

/// One change to the table at a time, and the one or two lines that must come of it.
#[test]
fn a_bent_table_is_noticed() {
    type Bend = fn(&mut Table);
    let bends: &[(&str, Bend, &[&str])] = &[
        (
            "a field's number",
            |t| field(t, "Mount", "readonly").number = 99,
            &["different: field runtime.v1.Mount.readonly: table 99 bool, compiled 3 bool"],
        ),
        (
            "a field's type",
            |t| field(t, "IDMapping", "length").kind = "uint64".into(),
            &["different: field runtime.v1.IDMapping.length: table 3 uint64, compiled 3 uint32"],
        ),
        (
            "a field's label",
            |t| field(t, "DNSConfig", "servers").repeated = false,
            &[
                "different: field runtime.v1.DNSConfig.servers: table 1 string, compiled 1 repeated string",
            ],
        ),
        (
            "a field in a oneof",
            |t| field(t, "PodIP", "ip").oneof = Some("address".into()),
            &[
                "different: field runtime.v1.PodIP.ip: table 1 string oneof=address, compiled 1 string",
            ],
        ),
        (
            "a field's age",
            |t| field(t, "Mount", "image").since = Some("1.30".into()),
            &["different: field runtime.v1.Mount.image: table 9 runtime.v1.ImageSpec since=1.30, \
               compiled 9 runtime.v1.ImageSpec since=1.31"],
        ),
        (
            "a secret",
            |t| field(t, "AuthConfig", "password").options_hex.clear(),
            &[
                "different: field runtime.v1.AuthConfig.password: table 2 string, compiled 2 string options=800101",
            ],
        ),
        (
            "a field's name",
            |t| field(t, "Mount", "uidMappings").name = "uid_mappings".into(),
            &[
                "missing: field runtime.v1.Mount.uid_mappings = 6 repeated runtime.v1.IDMapping since=1.27",
                "extra: field runtime.v1.Mount.uidMappings = 6 repeated runtime.v1.IDMapping since=1.27",
            ],
        ),
        (
            "a stream",
            |t| method(t, "GetContainerEvents").server_streaming = false,
            &["different: rpc runtime.v1.RuntimeService.GetContainerEvents: \
               table runtime.v1.GetEventsRequest -> runtime.v1.ContainerEventResponse, \
               compiled runtime.v1.GetEventsRequest -> stream runtime.v1.ContainerEventResponse"],
        ),
        (
            "an rpc that is gone",
            |t| t.services[0].methods.retain(|m| m.name != "Version"),
            &[
                "extra: rpc runtime.v1.RuntimeService.Version = runtime.v1.VersionRequest -> runtime.v1.VersionResponse",
            ],
        ),
        (
            "the value type of a map",
            |t| message(t, "ImageSpec").messages[0].fields[1].kind = "bytes".into(),
            &[
                "different: field runtime.v1.ImageSpec.AnnotationsEntry.value: table 2 bytes, compiled 2 string",
            ],
        ),
        (
            "a nested enum's value",
            |t| message(t, "SecurityProfile").enums[0].values[2].number = 3,
            &[
                "different: value runtime.v1.SecurityProfile.ProfileType.Localhost: table 3, compiled 2",
            ],
        ),
        (
            "a message's age",
            |t| message(t, "PsiData").since = None,
            &["different: message runtime.v1.PsiData: table message, compiled message since=1.33"],
        ),
        (
            "a message that is gone",
            |t| t.messages.retain(|m| m.name != "PodIP"),
            &[
                "extra: field runtime.v1.PodIP.ip = 1 string",
                "extra: message runtime.v1.PodIP = message",
            ],
        ),
    ];
    for (what, bend, wanted) in bends {
        let mut table = table();
        bend(&mut table);
        assert_eq!(compare(&table), *wanted, "{what}");
    }
}

fn message<'a>(table: &'a mut Table, name: &str) -> &'a mut Message {
    table.messages.iter_mut().find(|m| m.name == name).expect("message")
}

fn field<'a>(table: &'a mut Table, of: &str, name: &str) -> &'a mut Field {
    message(table, of).fields.iter_mut().find(|f| f.name == name).expect("field")
}

fn method<'a>(table: &'a mut Table, name: &str) -> &'a mut Method {
    table.services.iter_mut().flat_map(|s| &mut s.methods).find(|m| m.name == name).expect("method")
}
