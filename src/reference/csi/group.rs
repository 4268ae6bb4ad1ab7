//! The GroupController service: snapshots of several volumes at one moment.

use std::collections::BTreeSet;

use super::{
    controller,
    cut::{self, Part},
    defect::Defect,
    driver::{Driver, now},
    field, ids, image, locks, parameters,
    refusal::{Answer, exists, invalid, not_found, shown},
    secret,
    state::{Group, Snapshot, State, Volume},
};
use crate::proto::csi::v1::{
    CreateVolumeGroupSnapshotRequest, CreateVolumeGroupSnapshotResponse,
    DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotResponse,
    GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse,
    GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse,
    GroupControllerServiceCapability, VolumeGroupSnapshot,
    group_controller_service_capability::{Rpc, Type, rpc::Type as Kind},
};

/// Which rpcs of this service do something.
pub fn capabilities(
    _: &Driver,
    _: GroupControllerGetCapabilitiesRequest,
) -> Answer<GroupControllerGetCapabilitiesResponse> {
    let rpc = Rpc { r#type: Kind::CreateDeleteGetVolumeGroupSnapshot.into() };
    let capability = GroupControllerServiceCapability { r#type: Some(Type::Rpc(rpc)) };
    Ok(GroupControllerGetCapabilitiesResponse { capabilities: vec![capability] })
}

/// Cuts snapshots of several volumes together, once for each name.
pub fn create(
    driver: &Driver,
    asked: CreateVolumeGroupSnapshotRequest,
) -> Answer<CreateVolumeGroupSnapshotResponse> {
    field::name(driver, &asked.name)?;
    let sources = sources(&asked.source_volume_ids)?;
    let parameters = parameters::fixed(driver, &asked.parameters)?;
    secret::check(driver, &asked.secrets)?;
    let mut held: Vec<String> = sources.iter().map(|id| locks::volume(id)).collect();
    held.push(locks::name("group", &asked.name));
    driver.locks.hold(held, || {
        let known = driver.store.read(|state| find(state, &asked.name))?;
        let (id, group) = match known {
            Some((id, group, of)) if !driver.has(Defect::GroupTwice) => {
                if of != sources && !driver.has(Defect::GroupAnySources) {
                    return Err(exists("there is a group of this name of other volumes"));
                }
                if group.parameters != parameters {
                    return Err(exists("there is a group of this name with other parameters"));
                }
                (id, group)
            }
            _ => {
                let group = Group { name: asked.name, parameters, ..Group::default() };
                make(driver, group, &asked.source_volume_ids)?
            }
        };
        Ok(CreateVolumeGroupSnapshotResponse { group_snapshot: Some(shape(driver, &id, &group)?) })
    })
}

fn sources(ids: &[String]) -> Answer<BTreeSet<String>> {
    if ids.is_empty() || ids.iter().any(String::is_empty) {
        return Err(invalid("source_volume_ids is required, and none of them may be empty"));
    }
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    if set.len() == ids.len() {
        Ok(set)
    } else {
        Err(invalid("source_volume_ids holds one volume twice"))
    }
}

fn find(state: &State, name: &str) -> Option<(String, Group, BTreeSet<String>)> {
    let (id, group) = state.groups.iter().find(|(_, group)| group.name == name)?;
    let sources = state.members(group).map(|(_, member)| member.source.clone()).collect();
    Some((id.clone(), group.clone(), sources))
}

fn make(driver: &Driver, mut group: Group, sources: &[String]) -> Answer<(String, Group)> {
    let mut volumes: Vec<(&String, Volume)> = Vec::new();
    for source in sources {
        match driver.volume(source) {
            Ok(volume) => volumes.push((source, volume)),
            Err(refusal) => {
                leak(driver, &volumes)?;
                return Err(refusal);
            }
        }
    }
    if driver.has(Defect::GroupMemberLost) && volumes.len() > 1 {
        volumes.pop();
    }
    let total = volumes.iter().fold(0i64, |sum, (_, one)| sum.saturating_add(one.capacity));
    controller::room(driver, total)?;
    let id = ids::fresh("group")?;
    let (members, cut) = cut_all(driver, &volumes, Some(&id))?;
    group.cut = cut;
    group.members = members.iter().map(|(id, _)| id.clone()).collect();
    driver.store.write(|state| {
        state.snapshots.extend(members);
        state.groups.insert(id.clone(), group.clone());
        Ok(())
    })?;
    Ok((id, group))
}

type Members = Vec<(String, Snapshot)>;

fn cut_all(
    driver: &Driver,
    volumes: &[(&String, Volume)],
    group: Option<&String>,
) -> Answer<(Members, (i64, i32))> {
    let cut = now();
    let mut members = Vec::new();
    for (source, volume) in volumes {
        let snapshot = Snapshot {
            source: (*source).clone(),
            size: volume.capacity,
            cut,
            capabilities: volume.capabilities.clone(),
            group: group.cloned(),
            ..Snapshot::default()
        };
        members.push((ids::fresh("snap")?, snapshot));
    }
    let part =
        |((id, volume), (member, snapshot)): (&'_ (&String, Volume), &(String, Snapshot))| {
            (
                id.as_str().to_owned(),
                volume.clone(),
                driver.store.snapshot_image(member),
                snapshot.size,
            )
        };
    let parts: Vec<_> = volumes.iter().zip(&members).map(part).collect();
    let parts: Vec<Part<'_>> = parts
        .iter()
        .map(|(id, volume, to, size)| Part { id, volume, to: to.clone(), size: *size })
        .collect();
    cut::together(driver, &parts)?;
    Ok((members, cut))
}

/// Of a defect: what was cut before the failure stays.
fn leak(driver: &Driver, volumes: &[(&String, Volume)]) -> Answer<()> {
    if driver.has(Defect::GroupLeaks) && !volumes.is_empty() {
        let (members, _) = cut_all(driver, volumes, None)?;
        driver.store.write(|state| {
            state.snapshots.extend(members);
            Ok(())
        })?;
    }
    Ok(())
}

/// A group as the messages tell it.
fn shape(driver: &Driver, id: &str, group: &Group) -> Answer<VolumeGroupSnapshot> {
    let snapshots = driver.store.read(|state| {
        let members = state.members(group);
        members.map(|(id, member)| controller::snapshot(driver, id, member)).collect()
    })?;
    Ok(VolumeGroupSnapshot {
        group_snapshot_id: id.to_owned(),
        snapshots,
        creation_time: Some(controller::timestamp(driver, group.cut)),
        ready_to_use: ![Defect::GroupUnready, Defect::SnapshotNeverReady]
            .into_iter()
            .any(|defect| driver.has(defect)),
    })
}

/// Deletes a group with all its members.
pub fn delete(
    driver: &Driver,
    asked: DeleteVolumeGroupSnapshotRequest,
) -> Answer<DeleteVolumeGroupSnapshotResponse> {
    field::required(&asked.group_snapshot_id, "group_snapshot_id")?;
    snapshot_ids(&asked.snapshot_ids)?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.group_snapshot_id;
    let known = driver.store.read(|state| state.groups.get(id).cloned())?;
    let Some(group) = known else { return Ok(DeleteVolumeGroupSnapshotResponse {}) };
    let held = group.members.iter().map(|member| locks::snapshot(member)).collect();
    driver.locks.hold(held, || {
        matches(driver, &group, &asked.snapshot_ids)?;
        driver.store.write(|state| {
            state.groups.remove(id);
            for member in &group.members {
                if driver.has(Defect::GroupDeleteKeeps) {
                    if let Some(snapshot) = state.snapshots.get_mut(member) {
                        snapshot.group = None;
                        snapshot.name.clone_from(member);
                    }
                } else {
                    controller::forget_snapshot(driver, state, member);
                }
            }
            Ok(())
        })?;
        if !driver.has(Defect::GroupDeleteKeeps) {
            for member in &group.members {
                image::remove(&driver.store.snapshot_image(member))?;
            }
        }
        Ok(DeleteVolumeGroupSnapshotResponse {})
    })
}

/// One group as it is now.
pub fn get(
    driver: &Driver,
    asked: GetVolumeGroupSnapshotRequest,
) -> Answer<GetVolumeGroupSnapshotResponse> {
    field::required(&asked.group_snapshot_id, "group_snapshot_id")?;
    snapshot_ids(&asked.snapshot_ids)?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.group_snapshot_id;
    let known = driver.store.read(|state| state.groups.get(id).cloned())?;
    let group = known.ok_or_else(|| not_found(format!("there is no group {}", shown(id))))?;
    matches(driver, &group, &asked.snapshot_ids)?;
    Ok(GetVolumeGroupSnapshotResponse { group_snapshot: Some(shape(driver, id, &group)?) })
}

fn snapshot_ids(ids: &[String]) -> Answer<()> {
    if ids.is_empty() { Err(invalid("snapshot_ids is required")) } else { Ok(()) }
}

/// Refuses ids that are not those of the members.
fn matches(driver: &Driver, group: &Group, ids: &[String]) -> Answer<()> {
    let given: BTreeSet<&String> = ids.iter().collect();
    if given == group.members.iter().collect() || driver.has(Defect::GroupMismatch) {
        Ok(())
    } else {
        Err(invalid("snapshot_ids are not the snapshots of this group"))
    }
}
