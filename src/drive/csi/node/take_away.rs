//! Removes folders of ours. What a driver may have put there, a link or a mount, stops it: data that
//! are not ours lie behind them.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{AsRawFd as _, OwnedFd},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, ResolveFlag},
    sys::stat::{SFlag, fstat},
    unistd::{UnlinkatFlags, unlinkat},
};

use super::local::{from_io, open_at};

/// Deeper than any folder of ours is.
const DEEPEST: usize = 64;

/// Below a folder, through neither links nor mounts.
const STRICT: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_SYMLINKS)
    .union(ResolveFlag::RESOLVE_NO_XDEV);

/// Removes what stands at `path` below `folder`, with all that is in it.
pub fn remove(folder: &OwnedFd, path: &Path) -> Result<(), Errno> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::EINVAL);
    };
    if above.as_os_str().is_empty() {
        return take_away(folder, name, DEEPEST);
    }
    let above = open_at(folder, above, OFlag::O_PATH | OFlag::O_DIRECTORY, 0, STRICT)?;
    take_away(&above, name, DEEPEST)
}

fn take_away(folder: &OwnedFd, name: &OsStr, depth: usize) -> Result<(), Errno> {
    let name = Path::new(name);
    // It must be looked at first: the kernel lets us unlink what is a mount point of another mount
    // namespace, and takes the mount away with it.
    let place = open_at(folder, name, OFlag::O_PATH | OFlag::O_NOFOLLOW, 0, STRICT)?;
    let kind = SFlag::from_bits_truncate(fstat(&place)?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFDIR {
        return unlinkat(folder, name, UnlinkatFlags::NoRemoveDir);
    }
    if depth == 0 {
        return Err(Errno::ENAMETOOLONG);
    }
    let inner = open_at(folder, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY, 0, STRICT)?;
    for entry in names(&inner, usize::MAX)? {
        match take_away(&inner, &entry, depth - 1) {
            // Somebody else was faster.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    unlinkat(folder, name, UnlinkatFlags::RemoveDir)
}

/// The names in a folder, `most` of them.
pub fn names(folder: &OwnedFd, most: usize) -> Result<Vec<OsString>, Errno> {
    // Through the open folder and not its path, which may lead elsewhere by now.
    std::fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))
        .and_then(|entries| {
            entries.take(most).map(|entry| entry.map(|entry| entry.file_name())).collect()
        })
        .map_err(|error| from_io(&error))
}
