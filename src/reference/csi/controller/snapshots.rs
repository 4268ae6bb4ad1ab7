//! CreateSnapshot, DeleteSnapshot and GetSnapshot.

use std::fs;

use super::shape;
use crate::{
    proto::csi::v1::{
        CreateSnapshotRequest, CreateSnapshotResponse, DeleteSnapshotRequest,
        DeleteSnapshotResponse, GetSnapshotRequest, GetSnapshotResponse,
    },
    reference::csi::{
        cut::{self, Part},
        defect::Defect,
        driver::{Driver, now},
        field, ids, image, locks, parameters,
        refusal::{Answer, exhausted, exists, invalid, not_found, precondition},
        secret,
        state::{Snapshot, State},
    },
};

/// Cuts a snapshot, once for each name.
pub fn create(driver: &Driver, asked: CreateSnapshotRequest) -> Answer<CreateSnapshotResponse> {
    field::required(&asked.source_volume_id, "source_volume_id")?;
    field::name(driver, &asked.name)?;
    let parameters = parameters::fixed(driver, &asked.parameters)?;
    secret::check(driver, &asked.secrets)?;
    let (source, name) = (&asked.source_volume_id, &asked.name);
    driver.locks.hold(vec![locks::name("snapshot", name), locks::volume(source)], || {
        let found = driver.store.read(|state| find(state, name))?;
        if let Some((id, mut known)) = found
            && !driver.has(Defect::SnapshotTwice)
        {
            let same = known.source == *source || driver.has(Defect::SnapshotAnySource);
            if !same {
                return Err(exists("there is a snapshot of this name of another volume"));
            }
            if known.parameters != parameters {
                return Err(exists("there is a snapshot of this name with other parameters"));
            }
            retry(driver, &id, &mut known)?;
            return Ok(reply(driver, &id, &known));
        }
        let (id, snapshot) = make(driver, name, source, parameters)?;
        Ok(reply(driver, &id, &snapshot))
    })
}

fn find(state: &State, name: &str) -> Option<(String, Snapshot)> {
    let mut snapshots = state.snapshots.iter();
    let named = |one: &Snapshot| one.group.is_none() && one.name == name;
    snapshots.find(|(_, one)| named(one)).map(|(id, one)| (id.clone(), one.clone()))
}

fn reply(driver: &Driver, id: &str, snapshot: &Snapshot) -> CreateSnapshotResponse {
    CreateSnapshotResponse { snapshot: Some(shape::snapshot(driver, id, snapshot)) }
}

/// What defects do when a snapshot is asked for again.
fn retry(driver: &Driver, id: &str, known: &mut Snapshot) -> Answer<()> {
    if driver.has(Defect::SnapshotRecut) {
        let volume = driver.volume(&known.source)?;
        let to = driver.store.snapshot_image(id);
        cut::together(
            driver,
            &[Part { id: &known.source, volume: &volume, to, size: known.size }],
        )?;
    }
    if driver.has(Defect::SnapshotRecut) {
        known.cut = now();
    }
    if driver.has(Defect::SnapshotRetime) {
        known.cut.0 -= 60;
    }
    Ok(())
}

fn make(
    driver: &Driver,
    name: &str,
    source: &str,
    parameters: std::collections::BTreeMap<String, String>,
) -> Answer<(String, Snapshot)> {
    let volume = driver.volume(source)?;
    let size = volume.capacity;
    room(driver, size)?;
    let id = ids::fresh("snap")?;
    let to = driver.store.snapshot_image(&id);
    let cut = now();
    cut::together(driver, &[Part { id: source, volume: &volume, to, size }])?;
    let snapshot = Snapshot {
        name: name.to_owned(),
        source: source.to_owned(),
        size,
        cut,
        parameters,
        capabilities: volume.capabilities,
        ..Snapshot::default()
    };
    driver.store.write(|state| {
        state.snapshots.insert(id.clone(), snapshot.clone());
        Ok(())
    })?;
    Ok((id, snapshot))
}

/// Refuses what would be more than there is.
pub fn room(driver: &Driver, size: i64) -> Answer<()> {
    let promised = driver.store.read(State::promised)?;
    if promised.saturating_add(size) > driver.settings.capacity {
        return Err(exhausted("there is not enough room for this snapshot"));
    }
    Ok(())
}

/// Deletes a snapshot that does not belong to a group.
pub fn delete(driver: &Driver, asked: DeleteSnapshotRequest) -> Answer<DeleteSnapshotResponse> {
    field::required(&asked.snapshot_id, "snapshot_id")?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.snapshot_id;
    if driver.has(Defect::SnapshotDeletePath) {
        let _ = fs::remove_file(driver.store.folder().join("snapshots").join(id));
    }
    driver.locks.hold(vec![locks::snapshot(id)], || {
        let found = driver.store.read(|state| state.snapshots.get(id).cloned())?;
        let Some(snapshot) = found else {
            return if driver.has(Defect::SnapshotDeleteUnknownFails) {
                Err(not_found("the snapshot to delete is not there"))
            } else {
                Ok(DeleteSnapshotResponse {})
            };
        };
        if snapshot.group.is_some() {
            let sentence = "the snapshot belongs to a group and is deleted with it";
            return if driver.has(Defect::GroupMemberCode) {
                Err(precondition(sentence))
            } else {
                Err(invalid(sentence))
            };
        }
        if !driver.has(Defect::SnapshotDeleteKeeps) {
            driver.store.write(|state| {
                forget(driver, state, id);
                Ok(())
            })?;
            image::remove(&driver.store.snapshot_image(id))?;
        }
        Ok(DeleteSnapshotResponse {})
    })
}

/// Takes a snapshot out of what is known.
pub fn forget(driver: &Driver, state: &mut State, id: &str) {
    let Some(snapshot) = state.snapshots.remove(id) else { return };
    if id.starts_with("foreign-") {
        state.gone.insert(id.to_owned());
    }
    if driver.has(Defect::ListKeepsDeleted) || driver.has(Defect::GetDeleted) {
        state.deleted_snapshots.insert(id.to_owned(), snapshot);
    }
}

/// One snapshot as it is now.
pub fn get(driver: &Driver, asked: GetSnapshotRequest) -> Answer<GetSnapshotResponse> {
    field::required(&asked.snapshot_id, "snapshot_id")?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.snapshot_id;
    let mut snapshot = match driver.snapshot(id) {
        Err(refusal) if driver.has(Defect::GetDeleted) => {
            driver.store.read(|state| state.deleted_snapshots.get(id).cloned())?.ok_or(refusal)?
        }
        other => other?,
    };
    if driver.has(Defect::GroupIdHidden) {
        snapshot.group = None;
    }
    Ok(GetSnapshotResponse { snapshot: Some(shape::snapshot(driver, id, &snapshot)) })
}
