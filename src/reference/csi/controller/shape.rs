//! What is known, as the messages tell it.

use std::collections::HashMap;

use prost_types::Timestamp;

use crate::{
    proto::csi::v1::{self as pb, volume_content_source as content},
    reference::csi::{
        defect::Defect,
        driver::Driver,
        feature::Feature,
        ids, parameters,
        state::{Snapshot, Source, Volume},
        topology,
    },
};

/// A volume.
pub fn volume(driver: &Driver, id: &str, volume: &Volume) -> pb::Volume {
    let mut volume_context = parameters::context(&volume.parameters);
    if driver.has(Defect::ContextChanges) {
        volume_context.insert("stdcheck.dev/reply".into(), ids::fresh("reply").unwrap_or_default());
    }
    let accessible_topology = if driver.features.has(Feature::Topology) {
        volume.zones.iter().map(|zone| topology::segments(zone)).collect()
    } else {
        Vec::new()
    };
    let source = volume.source.as_ref().filter(|_| !driver.has(Defect::SourceUnset));
    pb::Volume {
        capacity_bytes: volume.capacity,
        volume_id: id.to_owned(),
        volume_context,
        content_source: source.map(self::source),
        accessible_topology,
    }
}

fn source(source: &Source) -> pb::VolumeContentSource {
    let source = match source {
        Source::Snapshot(id) => {
            content::Type::Snapshot(content::SnapshotSource { snapshot_id: id.clone() })
        }
        Source::Volume(id) => {
            content::Type::Volume(content::VolumeSource { volume_id: id.clone() })
        }
    };
    pb::VolumeContentSource { r#type: Some(source) }
}

/// A snapshot.
pub fn snapshot(driver: &Driver, id: &str, snapshot: &Snapshot) -> pb::Snapshot {
    pb::Snapshot {
        size_bytes: snapshot.size,
        snapshot_id: id.to_owned(),
        source_volume_id: snapshot.source.clone(),
        creation_time: Some(timestamp(driver, snapshot.cut)),
        ready_to_use: !driver.has(Defect::SnapshotNeverReady),
        group_snapshot_id: snapshot.group.clone().unwrap_or_default(),
    }
}

/// A point in time.
pub fn timestamp(driver: &Driver, (seconds, nanos): (i64, i32)) -> Timestamp {
    if driver.has(Defect::SnapshotOldTime) {
        return Timestamp { seconds: 0, nanos: 0 };
    }
    Timestamp { seconds, nanos }
}

/// The nodes that a volume is published on.
pub fn nodes(driver: &Driver, volume: &Volume) -> Vec<String> {
    if !driver.features.has(Feature::PublishedNodes) || driver.has(Defect::ListForgetsNodes) {
        return Vec::new();
    }
    let mut nodes: Vec<String> = volume.attachments.keys().cloned().collect();
    if driver.has(Defect::ListEmptyNode) {
        nodes.push(String::new());
    }
    nodes
}

/// Whether a volume is well, seen from the controller.
pub fn condition(driver: &Driver) -> Option<pb::VolumeCondition> {
    driver.features.has(Feature::VolumeCondition).then(|| pb::VolumeCondition {
        abnormal: false,
        message: "the volume's storage is in order".into(),
    })
}

/// A map that defects put secrets into.
pub fn with_secrets(
    driver: &Driver,
    defect: Defect,
    mut map: HashMap<String, String>,
    secrets: &HashMap<String, String>,
) -> HashMap<String, String> {
    if driver.has(defect) {
        map.extend(secrets.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    map
}
