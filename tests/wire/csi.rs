//! proto/csi/v1/csi.proto against tests/data/csi-v1.json.

use prost_reflect::Kind;
use stdcheck::proto;

use crate::{
    facts,
    table::{Message, Table},
};

const PACKAGE: &str = "csi.v1";

/// REQUIRED fields that are not marked: their zero is a value like any other (false, no bytes left, the
/// first byte).
const ZERO_COUNTS: [&str; 7] = [
    "Snapshot.ready_to_use",
    "VolumeGroupSnapshot.ready_to_use",
    "VolumeCondition.abnormal",
    "ControllerExpandVolumeResponse.node_expansion_required",
    "GetCapacityResponse.available_capacity",
    "VolumeUsage.total",
    "BlockMetadata.byte_offset",
];

fn table() -> Table {
    Table::read(include_str!("../data/csi-v1.json"))
}

fn compare(table: &Table) -> Vec<String> {
    facts::of_table(table, &ZERO_COUNTS).differences(&facts::of_pool(proto::pool(), PACKAGE))
}

#[test]
fn compiled_descriptors_agree_with_the_table() {
    let found = compare(&table());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn extensions_are_those_of_the_table() {
    let kind = |kind: &Kind| format!("{kind:?}").to_lowercase();
    let mut compiled: Vec<String> = proto::pool()
        .all_extensions()
        .filter(|extension| extension.full_name().starts_with("csi.v1."))
        .map(|extension| {
            let of = extension.containing_message();
            let (name, number) = (extension.name(), extension.number());
            format!("{} {name} {number} {}", of.full_name(), kind(&extension.kind()))
        })
        .collect();
    compiled.sort();
    let mut wanted: Vec<String> = table()
        .extensions
        .iter()
        .map(|extension| {
            let text = |key: &str| extension[key].as_str().unwrap_or_default().to_owned();
            let number = &extension["number"];
            format!("{} {} {number} {}", text("extends"), text("name"), text("type"))
        })
        .collect();
    wanted.sort();
    assert_eq!(compiled, wanted);
    assert_eq!(compiled.len(), 7);
}

#[test]
fn secrets_are_those_of_the_table() {
    let mut marked: Vec<String> = Vec::new();
    for message in proto::pool().all_messages().filter(|m| m.package_name() == PACKAGE) {
        marked.extend(message.fields().filter(proto::is_secret).map(|f| f.full_name().to_owned()));
    }
    marked.sort();
    fn secret(message: &Message, scope: &str, found: &mut Vec<String>) {
        let scope = format!("{scope}.{}", message.name);
        let own = message.fields.iter().filter(|field| field.options_hex.contains("984201"));
        found.extend(own.map(|field| format!("{scope}.{}", field.name)));
        message.messages.iter().for_each(|nested| secret(nested, &scope, found));
    }
    let mut wanted = Vec::new();
    table().messages.iter().for_each(|message| secret(message, PACKAGE, &mut wanted));
    wanted.sort();
    assert_eq!(marked, wanted);
    assert_eq!(marked.len(), 19);
}

/// One change to the table at a time, and the line that must come of it.
#[test]
fn a_bent_table_is_noticed() {
    type Bend = fn(&mut Table);
    let bends: &[(&str, Bend, &str)] = &[
        (
            "what is required",
            |t| t.field("Volume", "volume_id").presence = Some("OPTIONAL".into()),
            "different: field csi.v1.Volume.volume_id: table 2 string, compiled 2 string required",
        ),
        (
            "a secret",
            |t| t.field("DeleteVolumeRequest", "secrets").options_hex.clear(),
            "different: field csi.v1.DeleteVolumeRequest.secrets: \
             table 2 repeated csi.v1.DeleteVolumeRequest.SecretsEntry, \
             compiled 2 repeated csi.v1.DeleteVolumeRequest.SecretsEntry options=984201",
        ),
        (
            "an alpha rpc",
            |t| t.method("GetSnapshot").options_hex.clear(),
            "different: rpc csi.v1.Controller.GetSnapshot: \
             table csi.v1.GetSnapshotRequest -> csi.v1.GetSnapshotResponse, \
             compiled csi.v1.GetSnapshotRequest -> csi.v1.GetSnapshotResponse options=a04201",
        ),
        (
            "a stream",
            |t| t.method("GetMetadataDelta").server_streaming = false,
            "different: rpc csi.v1.SnapshotMetadata.GetMetadataDelta: \
             table csi.v1.GetMetadataDeltaRequest -> csi.v1.GetMetadataDeltaResponse, \
             compiled csi.v1.GetMetadataDeltaRequest -> stream csi.v1.GetMetadataDeltaResponse",
        ),
    ];
    for (what, bend, wanted) in bends {
        let mut table = table();
        bend(&mut table);
        assert_eq!(compare(&table), [*wanted], "{what}");
    }
}
