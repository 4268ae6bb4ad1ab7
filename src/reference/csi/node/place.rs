//! What is done on the host: devices attached, file systems made and mounted, mounts taken away.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    unistd::{Gid, chown},
};

use crate::reference::csi::{
    capability::{Access, Capability},
    defect::Defect,
    driver::Driver,
    ext, image,
    loopdev::{self, Loop},
    mounts::{self, Options},
    refusal::{Answer, Refusal, internal, invalid, precondition, shown},
    state::{Published, Staged, Volume},
};

/// The name of a block volume's device in its staging folder.
const DEVICE: &str = "device";

/// Where the device of a staged block volume is.
pub fn staged_device(staged: &Staged) -> PathBuf {
    Path::new(&staged.path).join(DEVICE)
}

/// Whether it is staged as the kernel sees it.
pub fn is_staged(staged: &Staged) -> bool {
    if staged.device.is_none() {
        return false;
    }
    if staged.capability.is_block() {
        mounts::is_mounted(&staged_device(staged))
    } else {
        mounts::is_mounted(Path::new(&staged.path))
    }
}

/// Stages a volume; answers the number of its loop device.
pub fn stage(driver: &Driver, id: &str, volume: &Volume, staged: &Staged) -> Answer<u32> {
    let image = driver.store.volume_image(id);
    image::ensure(&image, volume.capacity)?;
    match &staged.capability.access {
        Access::Block => stage_block(driver, id, &image, staged),
        Access::Mount { fs_type, flags, group } => {
            let how = How { fs_type, flags, group: *group };
            stage_mount(driver, &image, volume.last_device, staged, &how)
        }
    }
}

fn stage_block(driver: &Driver, id: &str, image: &Path, staged: &Staged) -> Answer<u32> {
    let device = Loop::attach(image, staged.readonly)?;
    let number = device.number;
    let at = staged_device(staged);
    File::create(&at)?;
    mounts::bind(&device.path(), &at, &Options::parse(&[]), false)?;
    driver.loops.keep(id, device);
    Ok(number)
}

struct How<'a> {
    fs_type: &'a str,
    flags: &'a [String],
    group: Option<u32>,
}

fn stage_mount(
    driver: &Driver,
    image: &Path,
    last: Option<u32>,
    staged: &Staged,
    how: &How<'_>,
) -> Answer<u32> {
    let at = Path::new(&staged.path);
    // A mount namespace that was copied from ours may still have it mounted: one file system must not
    // be on two devices.
    let there = match last {
        Some(number) => loopdev::find(number, image)?,
        None => None,
    };
    let kind = prepared(driver, image, how.fs_type)?;
    let stays = driver.has(Defect::RestoreNoGrow) || driver.has(Defect::ExpandNoFileSystem);
    let small = ext::is_small(image, fs::metadata(image)?.len())?;
    if small && !stays && there.is_none() {
        ext::grow_image(image)?;
    }
    let device = match there {
        Some(device) => device,
        None => Loop::attach(image, false)?,
    };
    let words = if driver.has(Defect::FlagsIgnored) { &[] } else { how.flags };
    let options = Options::parse(words);
    let readonly = staged.readonly || options.readonly();
    let group = how.group.filter(|_| !driver.has(Defect::MountGroupIgnored));
    mounts::device(&device.path(), at, kind, &options, readonly && group.is_none())
        .map_err(|error| mount_refused(driver, error, how.flags))?;
    if let Some(group) = group {
        chown(at, None, Some(Gid::from_raw(group)))?;
        let mode = fs::metadata(at)?.permissions().mode();
        fs::set_permissions(at, Permissions::from_mode(mode & 0o7777 | 0o2070))?;
        if readonly {
            mounts::close(at, &options)?;
        }
    }
    Ok(device.number)
}

/// The file system in an image, made if there is none. What is something else stays as it is.
fn prepared(driver: &Driver, image: &Path, wanted: &str) -> Answer<&'static str> {
    let wanted = match wanted {
        _ if driver.has(Defect::FsTypeIgnored) => "ext4",
        "" => "",
        "ext2" => "ext2",
        "ext3" => "ext3",
        _ => "ext4",
    };
    let kind = match ext::find(image)? {
        Some(_) if driver.has(Defect::StageFormats) => "",
        Some(found) if wanted.is_empty() || found.kind == wanted => return Ok(found.kind),
        Some(found) if driver.has(Defect::FsTypeIgnored) => return Ok(found.kind),
        Some(found) => {
            return Err(precondition(format!(
                "the volume holds a file system of another type: {}",
                found.kind
            )));
        }
        None if !image::is_empty(image)? => {
            return Err(precondition("the volume holds something that is not a file system"));
        }
        None => wanted,
    };
    let kind = match kind {
        "ext2" => "ext2",
        "ext3" => "ext3",
        _ => "ext4",
    };
    ext::format(image, kind)?;
    Ok(kind)
}

fn mount_refused(driver: &Driver, error: Errno, flags: &[String]) -> Refusal {
    if error == Errno::EINVAL && !flags.is_empty() {
        let flags =
            if driver.has(Defect::FlagsEchoed) { format!(": {flags:?}") } else { String::new() };
        return invalid(format!("a mount flag is not supported{flags}"));
    }
    internal(format!("the volume cannot be mounted: {}", error.desc()))
}

/// Takes staging back, as far as it came.
pub fn unstage(driver: &Driver, id: &str, staged: &Staged) -> Answer<()> {
    let at = Path::new(&staged.path);
    if staged.capability.is_block() {
        let device = staged_device(staged);
        mounts::detach(&device)?;
        if !driver.has(Defect::UnstageLeavesFile) {
            mounts::remove_place(&device)?;
        }
        driver.loops.release(id);
    } else {
        match mounts::unmount(at) {
            Err(Errno::EBUSY) => {
                return Err(precondition("somebody still uses the volume at the staging path"));
            }
            other => other?,
        };
        if driver.has(Defect::UnstageLeavesFile) {
            File::create(at.join("left-over"))?;
        }
    }
    Ok(())
}

/// Publishes a staged volume; answers the number of the loop device that the target has for itself.
pub fn publish(
    driver: &Driver,
    id: &str,
    staged: &Staged,
    target: &str,
    asked: &Capability,
    readonly: bool,
) -> Answer<Option<u32>> {
    let at = Path::new(target);
    match &asked.access {
        Access::Block => {
            make_file(at)?;
            if !readonly || driver.has(Defect::BlockReadonlyIgnored) {
                let device = staged_device(staged);
                if !driver.has(Defect::BlockAsFile) {
                    mounts::bind(&device, at, &Options::parse(&[]), false)?;
                }
                return Ok(None);
            }
            let device = Loop::attach(&driver.store.volume_image(id), true)?;
            let number = device.number;
            mounts::bind(&device.path(), at, &Options::parse(&[]), false)?;
            driver.loops.keep(&super::held_target(target), device);
            Ok(Some(number))
        }
        Access::Mount { flags, .. } => {
            make_folder(driver, at)?;
            let words = if driver.has(Defect::FlagsIgnored) { &[] } else { flags.as_slice() };
            let options = Options::parse(words);
            let closed =
                (readonly || options.readonly()) && !driver.has(Defect::PublishReadonlyIgnored);
            mounts::bind(Path::new(&staged.path), at, &options, closed)?;
            Ok(None)
        }
    }
}

fn parent_is_there(at: &Path) -> Answer<()> {
    if at.parent().is_some_and(Path::is_dir) {
        Ok(())
    } else {
        Err(invalid("the folder of target_path is not there"))
    }
}

fn make_folder(driver: &Driver, at: &Path) -> Answer<()> {
    parent_is_there(at)?;
    match fs::symlink_metadata(at) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(invalid("target_path is there, and no folder")),
        Err(_) if driver.has(Defect::PublishNeedsTarget) => {
            Err(internal("target_path is not there"))
        }
        Err(_) => Ok(fs::create_dir(at)?),
    }
}

fn make_file(at: &Path) -> Answer<()> {
    parent_is_there(at)?;
    match fs::symlink_metadata(at) {
        Ok(meta) if meta.is_file() && meta.len() == 0 => Ok(()),
        Ok(_) => Err(invalid("target_path is there, and no empty file")),
        Err(_) => Ok(File::create_new(at).map(drop)?),
    }
}

/// Takes publishing back, as far as it came.
pub fn unpublish(driver: &Driver, target: &str, _published: &Published) -> Answer<()> {
    let at = Path::new(target);
    if !driver.has(Defect::UnpublishLeavesMount) {
        mounts::detach(at)?;
        if driver.has(Defect::PublishEmpty) {
            let _ = fs::remove_dir_all(at);
        }
        if !driver.has(Defect::UnpublishLeavesTarget) {
            mounts::remove_place(at).map_err(|error| {
                internal(format!("{} cannot be removed: {error}", shown(target)))
            })?;
        }
    }
    driver.loops.release(&super::held_target(target));
    Ok(())
}
