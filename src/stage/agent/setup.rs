//! Making the stage: what the machine has stays visible, and what is written stays on the stage.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::mounts;
use crate::stage::wire::Setup;

/// Mounts are collected here before there is a /proc: the one folder that every machine has and that
/// is covered anew afterwards.
const WORKSHOP: &str = "/proc";
/// Always a copy: programs leave lock files there.
const RUN: &str = "/run";

/// Does all that must be done before the first program runs. In namespaces of our own already.
pub fn make(setup: &Setup) -> Result<(), String> {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|error| format!("cannot keep mounts to ourselves: {error}"))?;
    mounts::release_namespaces().map_err(|error| format!("cannot read the mounts: {error}"))?;
    let folders = setup.state_folders.iter().chain(&setup.scratch_folders);
    let folders: BTreeSet<PathBuf> = folders
        .map(|folder| resolved(folder))
        .chain([PathBuf::from(super::spaces::FOLDER)].into_iter().map(|folder| resolved(&folder)))
        .collect();
    cover(Path::new(WORKSHOP), "mode=755")
        .map_err(|error| format!("cannot mount a tmpfs: {error}"))?;
    copies(&folders)?;
    umount2(WORKSHOP, MntFlags::MNT_DETACH)
        .map_err(|error| format!("cannot take away a tmpfs: {error}"))?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), quiet, None::<&str>)
        .map_err(|error| format!("cannot mount /proc: {error}"))?;
    // Where it is refused, programs see the machine's links there and nothing worse.
    let _ = mount(Some("sysfs"), "/sys", Some("sysfs"), quiet, None::<&str>);
    // Parents before what is in them, so that nothing is covered that was just made.
    for folder in &folders {
        let told = |error: io::Error| format!("cannot make {} empty: {error}", folder.display());
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(told)?;
        cover(folder, "mode=755").map_err(told)?;
    }
    Ok(())
}

/// Puts copies over what will be written to: /run, and where folders are missing.
fn copies(folders: &BTreeSet<PathBuf>) -> Result<(), String> {
    let missing = folders.iter().filter(|folder| !folder.is_dir()).map(|folder| existing(folder));
    let run = Path::new(RUN);
    let mut copied: BTreeSet<PathBuf> = missing.collect();
    copied.extend(run.is_dir().then(|| run.to_owned()));
    let all = copied.clone();
    // Below another copy, nothing needs one of its own.
    copied.retain(|path| !all.iter().any(|other| other != path && path.starts_with(other)));
    for (number, path) in copied.iter().enumerate() {
        let told = |error: &dyn std::fmt::Display| {
            format!("cannot put a copy over {}: {error}", path.display())
        };
        if path == Path::new("/") {
            return Err(told(&"a state folder must have an existing folder above it other than /"));
        }
        let place = Path::new(WORKSHOP).join(number.to_string());
        let (upper, work) = (place.join("upper"), place.join("work"));
        fs::create_dir_all(&upper).map_err(|error| told(&error))?;
        fs::create_dir_all(&work).map_err(|error| told(&error))?;
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            escaped(path),
            upper.display(),
            work.display()
        );
        mount(Some("overlay"), path, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .map_err(|error| told(&error))?;
    }
    Ok(())
}

fn cover(folder: &Path, options: &str) -> io::Result<()> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(Some("tmpfs"), folder, Some("tmpfs"), quiet, Some(options))?)
}

/// The nearest folder above that exists.
fn existing(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|above| above.is_dir());
    above.unwrap_or(Path::new("/")).to_owned()
}

/// The folder without symbolic links in the part that exists.
fn resolved(folder: &Path) -> PathBuf {
    let above = existing(folder);
    let rest = folder.strip_prefix(&above).unwrap_or(Path::new(""));
    above.canonicalize().unwrap_or(above).join(rest)
}

/// A path as an overlay's option may hold it.
fn escaped(path: &Path) -> String {
    let path = path.display().to_string();
    path.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
}
