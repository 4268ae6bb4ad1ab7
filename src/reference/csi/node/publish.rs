//! NodePublishVolume and NodeUnpublishVolume.

use std::{fs, path::Path};

use super::{contexts, elsewhere, place, stage, usable};
use crate::{
    proto::csi::v1::{
        NodePublishVolumeRequest, NodePublishVolumeResponse, NodeUnpublishVolumeRequest,
        NodeUnpublishVolumeResponse,
    },
    reference::csi::{
        capability::{self, Capability},
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field, locks, mounts,
        refusal::{Answer, exists, internal, precondition, shown},
        secret,
        state::{Published, Staged, Volume},
    },
};

/// Brings a volume to a target path.
pub fn publish(
    driver: &Driver,
    asked: NodePublishVolumeRequest,
) -> Answer<NodePublishVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let target = field::path(driver, &asked.target_path, "target_path")?;
    let staging = field::optional_path(driver, &asked.staging_target_path, "staging_target_path")?;
    let capability =
        capability::one(driver, asked.volume_capability.as_ref(), "volume_capability")?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        contexts(driver, &volume, &asked.volume_context, &asked.publish_context)?;
        if driver.has(Defect::PublishUnstaged) && unstaged(&volume, staging.as_deref()) {
            fs::create_dir_all(&target)?;
            return Ok(NodePublishVolumeResponse {});
        }
        if driver.features.has(Feature::Stage) && staging.is_none() {
            return Err(precondition("staging_target_path is not set, and this driver stages"));
        }
        let wish = Published { capability, readonly: asked.readonly, device: None, done: false };
        let refused = second(driver, &volume, &target, &wish);
        if refused.is_err() && driver.has(Defect::PublishLeaves) {
            let _ = fs::create_dir(&target);
        }
        if refused? {
            return Ok(NodePublishVolumeResponse {});
        }
        new(driver, id, &volume, &target, staging.as_deref(), wish)?;
        Ok(NodePublishVolumeResponse {})
    })
}

fn unstaged(volume: &Volume, staging: Option<&str>) -> bool {
    volume.staged.as_ref().is_none_or(|staged| Some(staged.path.as_str()) != staging)
}

/// What follows from the volume's being published already: refused, done, or (false) to be done.
fn second(driver: &Driver, volume: &Volume, target: &str, wish: &Published) -> Answer<bool> {
    if let Some(there) = volume.published.get(target)
        && there.done
        && (mounts::is_mounted(Path::new(target)) || without_mount(driver))
    {
        if driver.has(Defect::PublishOnce) {
            return Err(internal("the volume is published there already"));
        }
        let same = there.capability == wish.capability && there.readonly == wish.readonly;
        return if same || driver.has(Defect::PublishToggle) {
            Ok(true)
        } else {
            Err(exists("the volume is published there with another capability or readonly"))
        };
    }
    let mut others = volume.published.iter().filter(|(path, _)| *path != target).peekable();
    if others.peek().is_none() || driver.has(Defect::PublishSecond) {
        return Ok(false);
    }
    if !wish.capability.many_targets() || driver.has(Defect::PublishSecondRefused) {
        return Err(precondition(
            "the volume is published at another path of this node, and may be at one only",
        ));
    }
    if others.any(|(_, other)| other.capability != wish.capability) {
        return Err(precondition("the volume is published on this node with another capability"));
    }
    Ok(false)
}

/// Defects that leave no mount: what is written down has to do.
fn without_mount(driver: &Driver) -> bool {
    [Defect::PublishEmpty, Defect::PublishLink, Defect::BlockAsFile, Defect::BlockAsFolder]
        .into_iter()
        .any(|defect| driver.has(defect))
}

fn new(
    driver: &Driver,
    id: &str,
    volume: &Volume,
    target: &str,
    staging: Option<&str>,
    wish: Published,
) -> Answer<()> {
    let closed = usable(driver, volume, &wish.capability)?;
    if let Some(other) =
        driver.store.read(|state| elsewhere(&state.volumes, id, target).cloned())?
    {
        return Err(precondition(format!("the volume {other} is at this target path")));
    }
    let staged = staged_for(driver, id, volume, staging, &wish.capability)?;
    if let Some(stale) = volume.published.get(target) {
        place::unpublish(driver, target, stale)?;
    }
    let was_there = fs::symlink_metadata(target).is_ok();
    driver.change(id, |volume| volume.published.insert(target.to_owned(), wish.clone()))?;
    let readonly = wish.readonly || closed;
    let done = match wrong(driver, &staged, target, &wish.capability)? {
        true => Ok(None),
        false => place::publish(driver, id, &staged, target, &wish.capability, readonly),
    };
    match done {
        Ok(device) => {
            let published = Published { device, done: true, ..wish };
            driver.change(id, |volume| volume.published.insert(target.to_owned(), published))?;
            Ok(())
        }
        Err(refusal) => {
            // What stood there before is not ours.
            let taken = if was_there { Ok(()) } else { place::unpublish(driver, target, &wish) };
            driver.change(id, |volume| volume.published.remove(target))?;
            leave(driver, id)?;
            taken.and(Err(refusal))
        }
    }
}

/// What defects do in place of publishing.
fn wrong(driver: &Driver, staged: &Staged, target: &str, asked: &Capability) -> Answer<bool> {
    let at = Path::new(target);
    let folder = if asked.is_block() { Defect::BlockAsFolder } else { Defect::PublishEmpty };
    if driver.has(folder) {
        fs::create_dir_all(at)?;
    } else if !asked.is_block() && driver.has(Defect::PublishLink) {
        let _ = std::os::unix::fs::symlink(&staged.path, at);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Where the volume is staged: by the client, or by ourselves where the driver does not stage.
fn staged_for(
    driver: &Driver,
    id: &str,
    volume: &Volume,
    staging: Option<&str>,
    asked: &Capability,
) -> Answer<Staged> {
    let known = volume.staged.as_ref().filter(|staged| place::is_staged(staged));
    if driver.features.has(Feature::Stage) {
        let staged = known.filter(|staged| Some(staged.path.as_str()) == staging);
        let staged = staged.ok_or_else(|| precondition("the volume is not staged at this path"))?;
        return if staged.capability.like(asked) && staged.capability.fs_type() == asked.fs_type() {
            Ok(staged.clone())
        } else {
            Err(precondition("the volume is staged with another capability"))
        };
    }
    if let Some(staged) = known {
        return Ok(staged.clone());
    }
    let own = driver.store.own_staging(id);
    fs::create_dir_all(&own)?;
    let staged = Staged {
        path: own.to_string_lossy().into_owned(),
        capability: asked.clone(),
        readonly: usable(driver, volume, asked)?,
        device: None,
    };
    let result = stage::new(driver, id, volume, staged);
    if result.is_err() {
        mounts::remove_place(&own)?;
    }
    result
}

/// Takes our own staging back when the last target is gone.
fn leave(driver: &Driver, id: &str) -> Answer<()> {
    if driver.features.has(Feature::Stage) {
        return Ok(());
    }
    let volume = driver.volume(id)?;
    if let Some(staged) = &volume.staged
        && volume.published.is_empty()
    {
        stage::remove(driver, id, staged)?;
        mounts::remove_place(Path::new(&staged.path))?;
    }
    Ok(())
}

/// Takes a volume away from a target path.
pub fn unpublish(
    driver: &Driver,
    asked: NodeUnpublishVolumeRequest,
) -> Answer<NodeUnpublishVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let target = field::path(driver, &asked.target_path, "target_path")?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        let Some(published) = volume.published.get(&target) else {
            return if driver.has(Defect::UnpublishOnce) {
                Err(internal(format!("nothing is published at {}", shown(&target))))
            } else {
                Ok(NodeUnpublishVolumeResponse {})
            };
        };
        if driver.has(Defect::UnpublishEmpties) {
            empty(driver, id, &target)?;
        }
        place::unpublish(driver, &target, published)?;
        if driver.has(Defect::UnpublishTakesOthers) {
            for other in volume.published.keys() {
                mounts::detach(Path::new(other))?;
            }
        }
        driver.change(id, |volume| volume.published.remove(&target))?;
        leave(driver, id)?;
        Ok(NodeUnpublishVolumeResponse {})
    })
}

/// Of a defect: as if a folder were removed with all that is below it.
fn empty(driver: &Driver, id: &str, target: &str) -> Answer<()> {
    let at = Path::new(target);
    if at.is_dir() {
        for entry in fs::read_dir(at)?.flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    } else {
        let size = driver.volume(id)?.capacity;
        let file = fs::File::options().write(true).open(at)?;
        let zeros = vec![0; 1 << 20];
        let mut offset = 0;
        while offset < size.unsigned_abs() {
            let written = std::os::unix::fs::FileExt::write_at(&file, &zeros, offset)?;
            offset += written.max(1) as u64;
        }
        file.sync_all()?;
    }
    Ok(())
}
