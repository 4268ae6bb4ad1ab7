//! Mounting a volume again where it is: for file systems that the kernel does not grow while they are
//! mounted.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::errno::Errno;

use super::place;
use crate::reference::csi::{
    driver::Driver,
    ext, mounts,
    refusal::{Answer, precondition},
    state::{Published, Staged, Volume},
};

/// How long it is tried while somebody uses a volume, and how long it is waited between: whoever only looks
/// at it is gone by then, and so is a process that was forked at the wrong moment and has our open files until
/// it becomes another program. Nobody tells of that.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

fn still_small(driver: &Driver, id: &str) -> Answer<bool> {
    let image = driver.store.volume_image(id);
    Ok(ext::is_small(&image, std::fs::metadata(&image)?.len())?)
}

/// Unmounts a volume at all its places and mounts it there again; staging grows the file system.
/// That goes only while nobody has anything open.
pub fn mount(driver: &Driver, id: &str) -> Answer<()> {
    let begin = Instant::now();
    loop {
        let volume = driver.volume(id)?;
        let Some(staged) = &volume.staged else { return Ok(()) };
        if mount_anew(driver, id, &volume, staged)? {
            return Ok(());
        }
        if begin.elapsed() >= PATIENCE {
            return Err(precondition("the file system cannot grow while somebody uses it"));
        }
        sleep(PAUSE);
    }
}

/// Tries it once. Says whether nobody was in the way; the volume is mounted at all its places either way.
fn mount_anew(driver: &Driver, id: &str, volume: &Volume, staged: &Staged) -> Answer<bool> {
    let mut away: Vec<(&String, &Published)> = Vec::new();
    let mut busy = false;
    for (target, published) in &volume.published {
        match mounts::unmount(Path::new(target)) {
            Err(Errno::EBUSY) => busy = true,
            other => {
                if other? {
                    away.push((target, published));
                }
            }
        }
        if busy {
            break;
        }
    }
    if !busy {
        busy = match mounts::unmount(Path::new(&staged.path)) {
            Err(Errno::EBUSY) => true,
            other => other.map(|_| false)?,
        };
    }
    let mut staged = staged.clone();
    if !busy {
        let number = place::stage(driver, id, volume, &staged)?;
        staged.device = Some(number);
        driver.change(id, |volume| {
            volume.staged = Some(staged.clone());
            volume.last_device = Some(number);
        })?;
        // Another mount namespace had it, too.
        busy = volume.last_device == Some(number) && still_small(driver, id)?;
    }
    for (target, published) in away {
        let readonly = published.readonly || staged.readonly;
        place::publish(driver, id, &staged, target, &published.capability, readonly)?;
    }
    Ok(!busy)
}
