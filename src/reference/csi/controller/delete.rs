//! DeleteVolume.

use std::{fs, process::Command};

use crate::{
    proto::csi::v1::{DeleteVolumeRequest, DeleteVolumeResponse},
    reference::csi::{
        defect::Defect,
        driver::Driver,
        field, image, locks,
        refusal::{Answer, not_found, precondition},
        secret,
        state::{State, Volume},
    },
};

/// Deletes a volume that nobody uses. Its snapshots are copies and stay.
pub fn delete(driver: &Driver, asked: DeleteVolumeRequest) -> Answer<DeleteVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    secret::check(driver, &asked.secrets)?;
    let id = &asked.volume_id;
    wrong(driver, id)?;
    driver.locks.hold(vec![locks::volume(id)], || {
        let found = driver.store.read(|state| state.volumes.get(id).cloned())?;
        let Some(volume) = found else {
            return if driver.has(Defect::DeleteUnknownFails) {
                Err(not_found("the volume to delete is not there"))
            } else {
                Ok(DeleteVolumeResponse {})
            };
        };
        if volume.in_use() && !driver.has(Defect::DeleteInUse) {
            if driver.has(Defect::DeleteAltersRefused) {
                image::create(&driver.store.volume_image(id), volume.capacity)?;
            }
            return Err(precondition("the volume is in use: it is published somewhere"));
        }
        if driver.has(Defect::DeleteEmptiesSource) && has_snapshots(driver, id)? {
            image::create(&driver.store.volume_image(id), volume.capacity)?;
            return Err(precondition("the volume has snapshots"));
        }
        if !driver.has(Defect::DeleteKeeps) {
            driver.store.write(|state| {
                forget(driver, state, id, volume);
                Ok(())
            })?;
            image::remove(&driver.store.volume_image(id))?;
        }
        Ok(DeleteVolumeResponse {})
    })
}

fn has_snapshots(driver: &Driver, id: &str) -> Answer<bool> {
    driver.store.read(|state| state.snapshots.values().any(|snapshot| snapshot.source == id))
}

fn forget(driver: &Driver, state: &mut State, id: &str, volume: Volume) {
    state.volumes.remove(id);
    if id.starts_with("foreign-") {
        state.gone.insert(id.to_owned());
    }
    if driver.has(Defect::ListKeepsDeleted) || driver.has(Defect::GetDeleted) {
        state.deleted.insert(id.to_owned(), volume);
    }
    if driver.has(Defect::DeleteKillsSnapshots) {
        state.snapshots.retain(|_, snapshot| snapshot.source != id);
    }
}

/// What defects do with the id as it came.
fn wrong(driver: &Driver, id: &str) -> Answer<()> {
    if driver.has(Defect::DeletePath) {
        let _ = fs::remove_file(driver.store.folder().join("volumes").join(id));
    }
    if driver.has(Defect::DeleteShell) {
        let script = format!("rm -f {}/volumes/{id}.none", driver.store.folder().display());
        let _ = Command::new("sh").arg("-c").arg(script).output();
    }
    if driver.has(Defect::DeletePrefix) {
        driver.store.write(|state| {
            let start = id.get(..6).unwrap_or(id).to_owned();
            let seeded = |id: &String| id.starts_with(&start) && id.starts_with("foreign-");
            let gone: Vec<String> = state.volumes.keys().filter(|id| seeded(id)).cloned().collect();
            state.gone.extend(gone);
            state.volumes.retain(|other, _| !other.starts_with(&start));
            Ok(())
        })?;
    }
    Ok(())
}
