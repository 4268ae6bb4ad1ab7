//! NodeExpandVolume: what the node does when a volume becomes larger.

use std::path::Path;

use super::{again, stats};
use crate::{
    proto::csi::v1::{NodeExpandVolumeRequest, NodeExpandVolumeResponse},
    reference::csi::{
        capability, capacity,
        capacity::Range,
        defect::Defect,
        driver::Driver,
        ext, field, image, locks, loopdev,
        refusal::{Answer, invalid, not_found, out_of_range, shown},
        secret,
        state::Volume,
    },
};

/// Shows the size that a volume has to its users.
pub fn expand(driver: &Driver, asked: NodeExpandVolumeRequest) -> Answer<NodeExpandVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let path = field::path(driver, &asked.volume_path, "volume_path")?;
    field::optional_path(driver, &asked.staging_target_path, "staging_target_path")?;
    let range = match asked.capacity_range {
        Some(range) => capacity::range(driver, range)?,
        None => Range::ANY,
    };
    let used = asked.volume_capability.as_ref();
    let used =
        used.map(|one| capability::one(driver, Some(one), "volume_capability")).transpose()?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        if let Some(used) = &used
            && !capability::fits(&volume, used)
        {
            return Err(invalid("the volume was not made to be used like volume_capability says"));
        }
        if stats::at(driver, &volume, &path).is_none() && !driver.has(Defect::NodeExpandAnywhere) {
            return Err(not_found(format!("the volume is not at {}", shown(&path))));
        }
        let capacity = size(driver, &volume, range)?;
        if capacity > volume.capacity {
            image::grow(&driver.store.volume_image(id), capacity)?;
            driver.change(id, |volume| volume.capacity = capacity)?;
        }
        if !driver.has(Defect::ExpandNoFileSystem) {
            grow_here(driver, id, &volume)?;
        }
        Ok(NodeExpandVolumeResponse { capacity_bytes: capacity })
    })
}

/// The capacity that a volume is to have. It never becomes smaller.
pub fn size(driver: &Driver, volume: &Volume, range: Range) -> Answer<i64> {
    if range.limit != 0 && range.limit < volume.capacity {
        return Err(out_of_range(format!("the volume has {} bytes already", volume.capacity)));
    }
    if range.required <= volume.capacity {
        return Ok(volume.capacity);
    }
    capacity::choose(driver, range, Some(volume.capacity))
}

/// Lets devices and the file system of a volume have the size that its image has, where it is in use
/// on this node.
pub fn grow_here(driver: &Driver, id: &str, volume: &Volume) -> Answer<()> {
    let Some((staged, number)) = volume.staged.as_ref().and_then(|one| Some((one, one.device?)))
    else {
        return Ok(());
    };
    let image = driver.store.volume_image(id);
    if staged.capability.is_block() {
        driver.loops.with(id, loopdev::Loop::refresh).transpose()?;
        for target in volume.published.keys() {
            driver.loops.with(&super::held_target(target), loopdev::Loop::refresh).transpose()?;
        }
        return Ok(());
    }
    if let Some(device) = loopdev::find(number, &image)? {
        device.refresh()?;
        let bytes = std::fs::metadata(&image)?.len();
        let at = Path::new(&staged.path);
        if !ext::is_small(&device.path(), bytes)?
            || (!staged.readonly && ext::grow(at, &device.path(), bytes)?)
        {
            return Ok(());
        }
    }
    again::mount(driver, id)
}
