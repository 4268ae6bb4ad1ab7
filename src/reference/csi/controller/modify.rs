//! ControllerModifyVolume.

use crate::{
    proto::csi::v1::{ControllerModifyVolumeRequest, ControllerModifyVolumeResponse},
    reference::csi::{
        defect::Defect,
        driver::Driver,
        field, locks, parameters,
        refusal::{Answer, exists, invalid},
        secret,
    },
};

/// Changes what may be changed of a volume: all of it or nothing.
pub fn modify(
    driver: &Driver,
    asked: ControllerModifyVolumeRequest,
) -> Answer<ControllerModifyVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    if asked.mutable_parameters.is_empty() {
        return Err(invalid("mutable_parameters is required"));
    }
    secret::check(driver, &asked.secrets)?;
    let id = &asked.volume_id;
    driver.locks.hold(vec![locks::volume(id)], || {
        let volume = driver.volume(id)?;
        if driver.has(Defect::ModifyHalf) {
            let good: Vec<_> = (asked.mutable_parameters.iter())
                .filter(|(key, value)| parameters::valid_mutable(key, value).is_ok())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            driver.change(id, |volume| volume.mutable.extend(good))?;
        }
        let wish = parameters::mutable(driver, &asked.mutable_parameters)?;
        let there = wish.iter().all(|(key, value)| volume.mutable.get(key) == Some(value));
        if there && driver.has(Defect::ModifyOnce) {
            return Err(exists("the volume has these parameters already"));
        }
        if !driver.has(Defect::ModifyNothing) {
            driver.change(id, |volume| {
                if driver.has(Defect::ModifyReplaces) {
                    volume.mutable.clear();
                }
                volume.mutable.extend(wish);
            })?;
        }
        Ok(ControllerModifyVolumeResponse {})
    })
}
