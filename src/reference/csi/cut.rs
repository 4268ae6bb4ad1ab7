//! Copies of volumes at one point in time, also of volumes that are in use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    defect::Defect,
    driver::Driver,
    ext, image, loopdev, mounts,
    refusal::{Answer, precondition},
    state::Volume,
};

/// How often the copies may be spoilt by somebody who writes, before file systems are held still.
const TRIES: usize = 3;

/// One volume that is to be copied.
pub struct Part<'a> {
    /// Its id.
    pub id: &'a str,
    /// As it is.
    pub volume: &'a Volume,
    /// Where the copy goes.
    pub to: PathBuf,
    /// How large the copy is.
    pub size: i64,
}

/// Copies all of them as they are at one moment. Whoever fails leaves no copy.
pub fn together(driver: &Driver, parts: &[Part<'_>]) -> Answer<()> {
    let done = try_together(driver, parts);
    if done.is_err() {
        for part in parts {
            let _ = image::remove(&part.to);
        }
    }
    done
}

/// Nobody may have written between the first byte that is read and the last one: then the copies are
/// what was there at any moment between. Who does not stop writing is stopped.
fn try_together(driver: &Driver, parts: &[Part<'_>]) -> Answer<()> {
    for attempt in 0..=TRIES {
        let mut frozen = Vec::new();
        for part in parts {
            settle(driver, part)?;
            if attempt == TRIES
                && let Some(at) = mounted(part)
            {
                frozen.push(ext::freeze(&at)?);
            }
        }
        let before = writes(parts)?;
        for part in parts {
            copy(driver, part)?;
        }
        if before == writes(parts)? {
            return Ok(());
        }
    }
    Err(precondition("the volume is written to without a pause: it cannot be copied as it is"))
}

fn copy(driver: &Driver, part: &Part<'_>) -> Answer<()> {
    let from = driver.store.volume_image(part.id);
    if driver.has(Defect::SnapshotShares) {
        let _ = image::remove(&part.to);
        image::ensure(&from, part.volume.capacity)?;
        return Ok(fs::hard_link(from, &part.to)?);
    }
    Ok(image::copy(&from, &part.to, part.size)?)
}

/// Brings what the kernel holds back into the image.
fn settle(driver: &Driver, part: &Part<'_>) -> Answer<()> {
    if driver.has(Defect::SnapshotUnsynced) {
        return Ok(());
    }
    if let Some(at) = mounted(part) {
        ext::sync(&at)?;
    }
    driver.loops.with(part.id, loopdev::Loop::sync).transpose()?;
    Ok(())
}

/// Where the volume's file system is mounted here, if it is.
fn mounted(part: &Part<'_>) -> Option<PathBuf> {
    let staged = part.volume.staged.as_ref()?;
    let at = Path::new(&staged.path);
    (!staged.capability.is_block() && !staged.readonly && mounts::is_mounted(at))
        .then(|| at.to_owned())
}

fn writes(parts: &[Part<'_>]) -> Answer<Vec<u64>> {
    let devices = parts.iter().filter_map(|part| part.volume.staged.as_ref()?.device);
    Ok(devices.map(loopdev::writes).collect::<Result<_, _>>()?)
}
