//! Paths on the node that a volume is staged and published at.

use std::{sync::Arc, time::Instant};

use futures_util::FutureExt as _;

use super::super::advertised;
use crate::{
    drive::csi::{Driver, Making, NodeFiles, Spare},
    run::{
        halt::Halt,
        lane::{Deferred, Lane},
    },
    verdict::SkipKind,
};

/// Short enough that a name of it can be made longer still.
const LONGEST_NAME: usize = 200;

/// The driver as this host knows it.
pub fn driver(lane: &Lane) -> Result<Arc<Driver>, Halt> {
    let driver = lane.run.options.driver.clone();
    driver.ok_or_else(|| Halt::Error("the target is no storage driver".to_owned()))
}

/// The files of the driver's node; without them the check cannot be made.
pub fn files(lane: &Lane) -> Result<NodeFiles, Halt> {
    driver(lane)?.files(&lane.run.drive).map_err(|why| {
        let how = "run stdcheck as root on the driver's node, or say how to run a command there with \
                   --node-command CMD";
        Halt::Skip(SkipKind::NotChecked, format!("{why}: {how}"))
    })
}

/// A number that no other folder of ours has, in digits.
fn number(lane: &Lane) -> String {
    let unique = lane.run.unique();
    unique.rsplit('-').next().unwrap_or_default().to_owned()
}

fn folder(lane: &Lane) -> Result<String, Halt> {
    Ok(driver(lane)?.folder.display().to_string())
}

/// A folder below ours of the node that nobody else has; not made yet.
fn own(lane: &Lane) -> Result<String, Halt> {
    Ok(format!("{}/{}", folder(lane)?, number(lane)))
}

/// The folder in it to stage a volume at.
pub fn staging(own: &str) -> String {
    format!("{own}/staging")
}

/// The path in it to publish a volume at, with the folder above it: that is to be made, and nothing in it.
pub fn target(own: &str) -> (String, String) {
    let above = format!("{own}/mnt");
    (format!("{above}/vol"), above)
}

/// What is made in a folder of ours before a volume is staged and published there.
fn folders(own: &str, staged: bool) -> Vec<String> {
    let staging = staged.then(|| staging(own));
    staging.into_iter().chain([target(own).1]).collect()
}

/// A folder whose paths to stage and publish at are so long.
fn far_folder(folder: &str, number: &str, bytes: i64) -> Option<String> {
    const BELOW: usize = "/00000000/mnt/vol".len();
    let above = usize::try_from(bytes).unwrap_or_default().checked_sub(BELOW)?;
    Some(format!("{}/{number:0>8}", padded(&format!("{folder}/p"), above)?))
}

/// The same as [`ready`] where both paths are so long. All of that length have the folders above them in
/// common: to make twenty of them takes a disk as long as a check.
pub fn far(lane: &mut Lane, staged: bool, bytes: i64) -> Result<(String, Making), Halt> {
    let folder = folder(lane)?;
    let Some(own) = far_folder(&folder, &number(lane), bytes) else {
        return Err(Halt::Error(format!("no path below {folder} is as short as {bytes} bytes")));
    };
    let making = begun(made(files(lane)?, folders(&own, staged)));
    remove_beside(lane, &own, making.clone())?;
    Ok((own, making))
}

/// Folders to stage and publish a volume in, and the folder of ours that they are in: those that were made
/// while the target was at something else, if there are any.
pub fn ready(lane: &mut Lane, staged: bool) -> Result<(String, Making), Halt> {
    let driver = driver(lane)?;
    let spare = driver.known.take_spare();
    let (own, making) = match spare {
        Some(spare) if spare.is_good() => (spare.own, spare.making),
        other => {
            if let Some(useless) = other {
                remove_beside(lane, &useless.own, useless.making)?;
            }
            let own = self::own(lane)?;
            let making = begun(made(files(lane)?, folders(&own, staged)));
            (own, making)
        }
    };
    remove_beside(lane, &own, making.clone())?;
    let files = files(lane)?;
    if !files.are_here() {
        return Ok((own, making));
    }
    let next = self::own(lane)?;
    let made = made(files, folders(&next, staged));
    let spare = Spare { own: next, making: made.clone(), since: Instant::now() };
    if let Some(other) = driver.known.keep_spare(spare) {
        remove_beside(lane, &other.own, other.making)?;
    }
    lane.beside(Box::new(move || {
        Box::pin(async move {
            // Whoever wants them is told.
            let _ = made.await;
            Ok(())
        })
    }));
    Ok((own, making))
}

fn made(files: NodeFiles, folders: Vec<String>) -> Making {
    let made = async move {
        for folder in folders {
            files.make_folder(&folder).await?;
        }
        Ok(())
    };
    made.boxed().shared()
}

/// The same, under way although nobody waits for it yet.
fn begun(making: Making) -> Making {
    tokio::spawn(making.clone());
    making
}

/// Has a folder of ours removed after the lane. Nothing is mounted there by then, and nobody looks at it
/// again: a disk that is busy would only have the next check wait.
fn remove_beside(lane: &mut Lane, own: &str, making: Making) -> Result<(), Halt> {
    let removed = removal(lane, own.to_owned())?;
    lane.beside_the_end(Box::new(move || {
        Box::pin(async move {
            // Of a check that was cut it may still be under way. That it failed has been told.
            let _ = making.await;
            removed().await
        })
    }));
    Ok(())
}

/// Has a folder of ours removed when everything was taken back that comes after.
pub fn remove_at_end(lane: &mut Lane, path: String) -> Result<(), Halt> {
    let removed = removal(lane, path)?;
    lane.at_end(removed);
    Ok(())
}

fn removal(lane: &Lane, path: String) -> Result<Deferred, Halt> {
    let (driver, run) = (driver(lane)?, lane.run.clone());
    Ok(Box::new(move || Box::pin(async move { driver.files(&run.drive)?.remove(&path).await })))
}

/// Has a file removed from the volume that it was written to, while that is still published: the
/// user's own volume stays.
pub async fn discard_at_end(lane: &mut Lane, path: String) -> Result<(), Halt> {
    if advertised::has(lane, "controller:CREATE_DELETE_VOLUME").await? {
        return Ok(());
    }
    let (driver, run) = (driver(lane)?, lane.run.clone());
    lane.at_end(Box::new(move || {
        Box::pin(async move { driver.files(&run.drive)?.discard(&path).await })
    }));
    Ok(())
}

/// A path made as long as asked.
fn padded(path: &str, wanted: usize) -> Option<String> {
    let mut path = path.to_owned();
    if path.len() > wanted {
        return None;
    }
    while path.len() < wanted {
        let name = path.len() - path.rfind('/').map_or(0, |at| at + 1);
        // A slash needs something after it.
        if name >= LONGEST_NAME && wanted - path.len() >= 2 {
            path.push('/');
        }
        path.push('p');
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_as_many_bytes_as_asked() {
        for bytes in [20_usize, 21, 128, 220, 221, 222, 223, 1000, 3900] {
            let made = padded("/tmp/stdcheck/1/path", bytes).unwrap();
            assert_eq!(made.len(), bytes);
            assert!(made.split('/').all(|name| name.len() < 256) && !made.ends_with('/'));
            assert!(made.starts_with("/tmp/stdcheck/1/path"));
        }
        assert!(padded("/tmp/stdcheck/1/path", 19).is_none());
    }

    #[test]
    fn both_paths_of_a_far_folder_are_as_long_as_asked() {
        for bytes in [40, 128, 1024, 3900] {
            let own = far_folder("/tmp/stdcheck-1/node", "17", bytes).unwrap();
            let wanted = usize::try_from(bytes).unwrap();
            assert_eq!((staging(&own).len(), target(&own).0.len()), (wanted, wanted), "{own}");
            let other = far_folder("/tmp/stdcheck-1/node", "1017", bytes).unwrap();
            assert_eq!(own.rsplit_once('/').unwrap().0, other.rsplit_once('/').unwrap().0);
        }
        assert!(far_folder("/tmp/stdcheck-1/node", "17", 38).is_none());
        assert!(far_folder("/tmp/stdcheck-1/node", "17", -1).is_none());
    }
}
