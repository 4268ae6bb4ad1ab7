//! Looking at and changing the stage's files.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::stage::wire::{Answer, FileOp, Stated};

/// Between two looks whether a path is there: no one event tells of a path whose folders come later.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Does it, or says in one line why not.
pub fn operate(op: FileOp) -> Result<Answer, String> {
    let path = match &op {
        FileOp::Read { path } | FileOp::Write { path, .. } | FileOp::Remove { path } => path,
        FileOp::List { folder: path } | FileOp::Stat { path } => path,
        FileOp::MakeFolder { path, .. } => path,
    };
    let path = path.clone();
    perform(op).map_err(|error| format!("{}: {error}", path.display()))
}

fn perform(op: FileOp) -> io::Result<Answer> {
    match op {
        FileOp::Read { path } => return Ok(Answer::Bytes(fs::read(path)?.into())),
        FileOp::Write { path, bytes, mode } => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, &bytes.0)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        FileOp::Remove { path } => remove(&path)?,
        FileOp::List { folder } => {
            let mut paths = BTreeSet::new();
            list(&folder, &mut paths);
            return Ok(Answer::Paths(paths.into_iter().collect()));
        }
        FileOp::Stat { path } => return stat(&path).map(Answer::Stated),
        FileOp::MakeFolder { path, mode } => {
            fs::DirBuilder::new().recursive(true).create(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(Answer::Done)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn stat(path: &Path) -> io::Result<Option<Stated>> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let is = found.file_type();
    let kind = match () {
        () if is.is_file() => "file",
        () if is.is_dir() => "folder",
        () if is.is_symlink() => "link",
        () if is.is_socket() => "socket",
        () if is.is_fifo() => "pipe",
        () => "device",
    };
    Ok(Some(Stated {
        kind: kind.to_owned(),
        size: found.size(),
        mode: found.mode() & 0o7777,
        inode: found.ino(),
        user: found.uid(),
        group: found.gid(),
    }))
}

/// Adds all paths below a folder. What vanishes meanwhile, or cannot be read, is not there.
pub fn list(folder: &Path, to: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), to);
        }
        to.insert(entry.path());
    }
}

/// Waits until something stands at the path; whether it does in time.
pub fn appears(path: &Path, until: Instant) -> bool {
    loop {
        if path.symlink_metadata().is_ok() {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(left.min(LOOK_AGAIN));
    }
}
