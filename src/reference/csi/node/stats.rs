//! NodeGetVolumeStats.

use std::path::Path;

use nix::sys::statvfs::{Statvfs, statvfs};

use super::place;
use crate::{
    proto::csi::v1::{
        NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, VolumeCondition, VolumeUsage,
        volume_usage::Unit,
    },
    reference::csi::{
        capability::Capability,
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field, mounts,
        refusal::{Answer, not_found, shown, unimplemented},
        state::Volume,
    },
};

/// How full a volume is, asked at one of its paths.
pub fn stats(
    driver: &Driver,
    asked: NodeGetVolumeStatsRequest,
) -> Answer<NodeGetVolumeStatsResponse> {
    let (usage, condition) =
        (driver.features.has(Feature::Stats), driver.features.has(Feature::VolumeCondition));
    if !usage && !condition {
        return Err(unimplemented("NodeGetVolumeStats is not supported: GET_VOLUME_STATS is off"));
    }
    field::required(&asked.volume_id, "volume_id")?;
    let path = field::path(driver, &asked.volume_path, "volume_path")?;
    field::optional_path(driver, &asked.staging_target_path, "staging_target_path")?;
    let volume = driver.volume(&asked.volume_id)?;
    let capability = match at(driver, &volume, &path) {
        Some(capability) => Some(capability),
        None if driver.has(Defect::StatsAnywhere) => None,
        None => return Err(not_found(format!("the volume is not at {}", shown(&path)))),
    };
    let usage = if usage { measure(driver, &volume, &path, capability)? } else { Vec::new() };
    let volume_condition = condition.then(|| VolumeCondition {
        abnormal: false,
        message: "the volume is mounted and can be read".into(),
    });
    Ok(NodeGetVolumeStatsResponse { usage, volume_condition })
}

/// How the volume is used at this path, if it is there.
pub fn at<'a>(driver: &Driver, volume: &'a Volume, path: &str) -> Option<&'a Capability> {
    if let Some(there) = volume.published.get(path)
        && mounts::is_mounted(Path::new(path))
    {
        return Some(&there.capability);
    }
    let staged = volume.staged.as_ref().filter(|staged| {
        driver.features.has(Feature::Stage)
            && !driver.has(Defect::StatsNotStaging)
            && staged.path == path
            && place::is_staged(staged)
    });
    staged.map(|staged| &staged.capability)
}

fn measure(
    driver: &Driver,
    volume: &Volume,
    path: &str,
    capability: Option<&Capability>,
) -> Answer<Vec<VolumeUsage>> {
    if capability.is_some_and(Capability::is_block) {
        // How much of a device is used only its user knows.
        let total = volume.capacity;
        return Ok(vec![VolumeUsage { total, unit: Unit::Bytes.into(), ..VolumeUsage::default() }]);
    }
    let path = if driver.has(Defect::StatsElsewhere) { "/" } else { path };
    let seen = statvfs(Path::new(path))?;
    let mut usage = of(&seen);
    if driver.has(Defect::StatsNegative) {
        usage[0].used = -1;
    }
    Ok(usage)
}

fn of(seen: &Statvfs) -> Vec<VolumeUsage> {
    let number =
        |units: u64, size: u64| i64::try_from(units.saturating_mul(size)).unwrap_or(i64::MAX);
    let size = seen.fragment_size();
    vec![
        VolumeUsage {
            available: number(seen.blocks_available(), size),
            total: number(seen.blocks(), size),
            used: number(seen.blocks().saturating_sub(seen.blocks_free()), size),
            unit: Unit::Bytes.into(),
        },
        VolumeUsage {
            available: number(seen.files_available(), 1),
            total: number(seen.files(), 1),
            used: number(seen.files().saturating_sub(seen.files_free()), 1),
            unit: Unit::Inodes.into(),
        },
    ]
}
