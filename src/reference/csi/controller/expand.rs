//! ControllerExpandVolume.

use std::fs::File;

use crate::{
    proto::csi::v1::{ControllerExpandVolumeRequest, ControllerExpandVolumeResponse},
    reference::csi::{
        capability,
        capability::Capability,
        capacity,
        capacity::Range,
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field, image, locks, node,
        refusal::{Answer, exhausted, exists, invalid, out_of_range, precondition},
        secret,
        state::{State, Volume},
    },
};

/// Makes a volume larger.
pub fn expand(
    driver: &Driver,
    asked: ControllerExpandVolumeRequest,
) -> Answer<ControllerExpandVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    let range = asked.capacity_range.ok_or_else(|| invalid("capacity_range is required"))?;
    let range = capacity::range(driver, range)?;
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
        let capacity = size(driver, &volume, range)?;
        let features = &driver.features;
        let offline = features.has(Feature::Offline) && !features.has(Feature::Online);
        if offline && volume.in_use() && !driver.has(Defect::ExpandInUse) {
            return Err(precondition("the volume is in use, and volumes grow offline only"));
        }
        grow(driver, id, &volume, capacity)?;
        let block = |one: &Capability| one.is_block();
        let device = volume.staged.is_none()
            && !volume.capabilities.is_empty()
            && volume.capabilities.iter().all(block);
        let node_expansion_required = features.has(Feature::NodeExpand) && !device;
        if !features.has(Feature::NodeExpand) && !driver.has(Defect::ExpandNoFileSystem) {
            node::grow_here(driver, id, &volume)?;
        }
        Ok(ControllerExpandVolumeResponse { capacity_bytes: capacity, node_expansion_required })
    })
}

/// The capacity that the volume is to have.
fn size(driver: &Driver, volume: &Volume, range: Range) -> Answer<i64> {
    let enough = range.required <= volume.capacity;
    if enough && driver.has(Defect::ExpandOnce) {
        return Err(exists("the volume is that large already"));
    }
    if enough && driver.has(Defect::ExpandShrinks) {
        return capacity::choose(driver, range, None);
    }
    if range.limit != 0 && range.limit < volume.capacity {
        return Err(out_of_range(format!("the volume has {} bytes already", volume.capacity)));
    }
    if enough {
        return Ok(volume.capacity);
    }
    capacity::choose(driver, range, Some(volume.capacity))
}

fn grow(driver: &Driver, id: &str, volume: &Volume, capacity: i64) -> Answer<()> {
    if capacity == volume.capacity {
        return Ok(());
    }
    let more = capacity - volume.capacity;
    let promised = driver.store.read(State::promised)?;
    if promised.saturating_add(more) > driver.settings.capacity {
        return Err(exhausted("there is not enough room for the volume to grow"));
    }
    let image = driver.store.volume_image(id);
    image::ensure(&image, volume.capacity)?;
    if driver.has(Defect::ExpandLoses) {
        image::create(&image, volume.capacity)?;
    }
    if driver.has(Defect::ExpandShrinks) && more < 0 {
        File::options().write(true).open(&image)?.set_len(capacity.unsigned_abs())?;
    }
    if !driver.has(Defect::ExpandNothing) {
        image::grow(&image, capacity)?;
    }
    driver.change(id, |volume| {
        if driver.has(Defect::GetStale) {
            volume.stale_capacity.get_or_insert(volume.capacity);
        }
        volume.capacity = capacity;
    })
}
