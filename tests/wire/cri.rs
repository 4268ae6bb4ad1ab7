//! proto/cri/v1/runtime.proto against tests/data/cri-v1.json.

use stdcheck::proto;

use crate::{facts, table::Table};

const PACKAGE: &str = "runtime.v1";

fn table() -> Table {
    Table::read(include_str!("../data/cri-v1.json"))
}

fn compare(table: &Table) -> Vec<String> {
    facts::of_table(table, &[]).differences(&facts::of_pool(proto::pool(), PACKAGE))
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
            |t| t.field("Mount", "readonly").number = 99,
            &["different: field runtime.v1.Mount.readonly: table 99 bool, compiled 3 bool"],
        ),
        (
            "a field's type",
            |t| t.field("IDMapping", "length").kind = "uint64".into(),
            &["different: field runtime.v1.IDMapping.length: table 3 uint64, compiled 3 uint32"],
        ),
        (
            "a field's label",
            |t| t.field("DNSConfig", "servers").repeated = false,
            &[
                "different: field runtime.v1.DNSConfig.servers: table 1 string, compiled 1 repeated string",
            ],
        ),
        (
            "a field in a oneof",
            |t| t.field("PodIP", "ip").oneof = Some("address".into()),
            &[
                "different: field runtime.v1.PodIP.ip: table 1 string oneof=address, compiled 1 string",
            ],
        ),
        (
            "a field's age",
            |t| t.field("Mount", "image").since = Some("1.30".into()),
            &["different: field runtime.v1.Mount.image: table 9 runtime.v1.ImageSpec since=1.30, \
               compiled 9 runtime.v1.ImageSpec since=1.31"],
        ),
        (
            "a secret",
            |t| t.field("AuthConfig", "password").options_hex.clear(),
            &[
                "different: field runtime.v1.AuthConfig.password: table 2 string, compiled 2 string options=800101",
            ],
        ),
        (
            "a field's name",
            |t| t.field("Mount", "uidMappings").name = "uid_mappings".into(),
            &[
                "missing: field runtime.v1.Mount.uid_mappings = 6 repeated runtime.v1.IDMapping since=1.27",
                "extra: field runtime.v1.Mount.uidMappings = 6 repeated runtime.v1.IDMapping since=1.27",
            ],
        ),
        (
            "a stream",
            |t| t.method("GetContainerEvents").server_streaming = false,
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
            |t| t.message("ImageSpec").messages[0].fields[1].kind = "bytes".into(),
            &[
                "different: field runtime.v1.ImageSpec.AnnotationsEntry.value: table 2 bytes, compiled 2 string",
            ],
        ),
        (
            "a nested enum's value",
            |t| t.message("SecurityProfile").enums[0].values[2].number = 3,
            &[
                "different: value runtime.v1.SecurityProfile.ProfileType.Localhost: table 3, compiled 2",
            ],
        ),
        (
            "a message's age",
            |t| t.message("PsiData").since = None,
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
