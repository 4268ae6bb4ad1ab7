//! ListVolumes, ListSnapshots and ControllerGetVolume.

use super::shape;
use crate::{
    proto::csi::v1::{
        ControllerGetVolumeRequest, ControllerGetVolumeResponse, ListSnapshotsRequest,
        ListSnapshotsResponse, ListVolumesRequest, ListVolumesResponse,
        controller_get_volume_response, list_snapshots_response, list_volumes_response,
    },
    reference::csi::{
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field,
        page::page,
        refusal::{Answer, not_found, shown},
        secret,
        state::{Snapshot, Volume},
    },
};

/// All volumes, in pages.
pub fn list(driver: &Driver, asked: ListVolumesRequest) -> Answer<ListVolumesResponse> {
    let most = field::not_negative(driver, asked.max_entries, "max_entries")?;
    let mut volumes = driver.store.read(|state| state.volumes.clone())?;
    if driver.has(Defect::ListKeepsDeleted) {
        volumes.extend(driver.store.read(|state| state.deleted.clone())?);
    }
    if driver.has(Defect::ListHides) {
        volumes.retain(|_, volume| volume.seeded);
    }
    let (page, next_token) =
        page(driver, "volumes", volumes.into_iter().collect(), most, &asked.starting_token)?;
    let status = driver.features.has(Feature::PublishedNodes)
        || driver.features.has(Feature::VolumeCondition);
    let entry = |(id, volume): (String, Volume)| list_volumes_response::Entry {
        status: status.then(|| list_volumes_response::VolumeStatus {
            published_node_ids: shape::nodes(driver, &volume),
            volume_condition: shape::condition(driver),
        }),
        volume: Some(shape::volume(driver, &id, &volume)),
    };
    Ok(ListVolumesResponse { entries: page.into_iter().map(entry).collect(), next_token })
}

/// One volume as it is now.
pub fn get(
    driver: &Driver,
    asked: ControllerGetVolumeRequest,
) -> Answer<ControllerGetVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let id = &asked.volume_id;
    let mut volume = match driver.volume(id) {
        Err(refusal) if driver.has(Defect::GetDeleted) => {
            driver.store.read(|state| state.deleted.get(id).cloned())?.ok_or(refusal)?
        }
        other => other?,
    };
    if let Some(stale) = volume.stale_capacity {
        volume.capacity = stale;
    }
    let status = controller_get_volume_response::VolumeStatus {
        published_node_ids: shape::nodes(driver, &volume),
        volume_condition: shape::condition(driver),
    };
    Ok(ControllerGetVolumeResponse {
        volume: Some(shape::volume(driver, id, &volume)),
        status: Some(status),
    })
}

/// Snapshots, all of them or by id or source, in pages.
pub fn list_snapshots(
    driver: &Driver,
    asked: ListSnapshotsRequest,
) -> Answer<ListSnapshotsResponse> {
    let most = field::not_negative(driver, asked.max_entries, "max_entries")?;
    secret::check(driver, &asked.secrets)?;
    let (id, source) = (&asked.snapshot_id, &asked.source_volume_id);
    let mut snapshots = driver.store.read(|state| state.snapshots.clone())?;
    if driver.has(Defect::ListKeepsDeleted) {
        snapshots.extend(driver.store.read(|state| state.deleted_snapshots.clone())?);
    }
    if !id.is_empty() && !driver.has(Defect::ListIgnoresId) {
        if driver.has(Defect::ListUnknownFails) && !snapshots.contains_key(id) {
            return Err(not_found(format!("there is no snapshot {}", shown(id))));
        }
        snapshots.retain(|one, _| one == id);
    }
    if !source.is_empty() && !driver.has(Defect::ListIgnoresSource) {
        snapshots.retain(|_, snapshot| snapshot.source == *source);
        if driver.has(Defect::ListUnknownFails) && snapshots.is_empty() {
            return Err(not_found(format!("no snapshot is one of {}", shown(source))));
        }
    }
    let list = snapshots.into_iter().collect();
    let (page, next_token) = page(driver, "snapshots", list, most, &asked.starting_token)?;
    let entry = |(id, mut snapshot): (String, Snapshot)| {
        if driver.has(Defect::GroupIdHidden) {
            snapshot.group = None;
        }
        let snapshot = Some(shape::snapshot(driver, &id, &snapshot));
        list_snapshots_response::Entry { snapshot }
    };
    Ok(ListSnapshotsResponse { entries: page.into_iter().map(entry).collect(), next_token })
}
