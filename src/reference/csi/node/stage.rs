//! NodeStageVolume and NodeUnstageVolume.

use std::path::Path;

use super::{contexts, elsewhere, place, usable};
use crate::{
    proto::csi::v1::{
        NodeStageVolumeRequest, NodeStageVolumeResponse, NodeUnstageVolumeRequest,
        NodeUnstageVolumeResponse,
    },
    reference::csi::{
        capability::{self, Capability},
        defect::Defect,
        driver::Driver,
        field, locks,
        refusal::{Answer, exists, internal, invalid, precondition, shown},
        secret,
        state::{Staged, Volume},
    },
};

/// Mounts or maps a volume for this node.
pub fn stage(driver: &Driver, asked: NodeStageVolumeRequest) -> Answer<NodeStageVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let path = field::path(driver, &asked.staging_target_path, "staging_target_path")?;
    let capability =
        capability::one(driver, asked.volume_capability.as_ref(), "volume_capability")?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        contexts(driver, &volume, &asked.volume_context, &asked.publish_context)?;
        if let Some(staged) = &volume.staged
            && place::is_staged(staged)
        {
            return again(driver, staged, &path, &capability);
        }
        let readonly = usable(driver, &volume, &capability)?;
        if let Some(other) =
            driver.store.read(|state| elsewhere(&state.volumes, id, &path).cloned())?
        {
            return Err(precondition(format!("the volume {other} is at this staging path")));
        }
        if !Path::new(&path).is_dir() {
            return Err(invalid("staging_target_path is not a folder"));
        }
        if driver.has(Defect::StageNothing) {
            return Ok(NodeStageVolumeResponse {});
        }
        new(driver, id, &volume, Staged { path, capability, readonly, device: None })?;
        Ok(NodeStageVolumeResponse {})
    })
}

/// What a call answers for a volume that is staged already.
fn again(
    driver: &Driver,
    staged: &Staged,
    path: &str,
    capability: &Capability,
) -> Answer<NodeStageVolumeResponse> {
    if staged.path != path {
        return Err(precondition("the volume is staged at another path"));
    }
    if driver.has(Defect::StageOnce) {
        return Err(internal("the volume is staged already"));
    }
    if staged.capability == *capability || driver.has(Defect::StageAnyCapability) {
        return Ok(NodeStageVolumeResponse {});
    }
    Err(exists("the volume is staged there with another capability"))
}

/// Stages a volume that is not. That it is to be staged is written down first: whatever a killed
/// process leaves behind is found.
pub fn new(driver: &Driver, id: &str, volume: &Volume, staged: Staged) -> Answer<Staged> {
    if let Some(stale) = &volume.staged {
        place::unstage(driver, id, stale)?;
    }
    driver.change(id, |volume| volume.staged = Some(staged.clone()))?;
    match place::stage(driver, id, volume, &staged) {
        Ok(number) => {
            let staged = Staged { device: Some(number), ..staged };
            driver.change(id, |volume| {
                volume.staged = Some(staged.clone());
                volume.last_device = Some(number);
            })?;
            Ok(staged)
        }
        Err(refusal) => {
            remove(driver, id, &staged)?;
            Err(refusal)
        }
    }
}

/// Takes staging back, here and in what is known.
pub fn remove(driver: &Driver, id: &str, staged: &Staged) -> Answer<()> {
    place::unstage(driver, id, staged)?;
    driver.change(id, |volume| volume.staged = None)
}

/// Takes it back.
pub fn unstage(
    driver: &Driver,
    asked: NodeUnstageVolumeRequest,
) -> Answer<NodeUnstageVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let path = field::path(driver, &asked.staging_target_path, "staging_target_path")?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        let Some(staged) = volume.staged.as_ref().filter(|staged| staged.path == path) else {
            return if driver.has(Defect::UnstageOnce) {
                Err(internal(format!("nothing is staged at {}", shown(&path))))
            } else {
                Ok(NodeUnstageVolumeResponse {})
            };
        };
        if !volume.published.is_empty() {
            return Err(precondition("the volume is still published on this node"));
        }
        if driver.has(Defect::UnstageLeavesMount) {
            driver.change(id, |volume| volume.staged = None)?;
        } else {
            remove(driver, id, staged)?;
        }
        Ok(NodeUnstageVolumeResponse {})
    })
}
