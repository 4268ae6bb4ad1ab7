//! Mounts: what is asked for in words, done by the kernel.

use std::{ffi::CString, fs, io, os::unix::ffi::OsStrExt, path::Path};

use nix::{
    errno::Errno,
    libc,
    mount::{MntFlags, MsFlags, mount, umount2},
};

/// Mount flags as the kernel takes them.
#[derive(Debug, Clone)]
pub struct Options {
    flags: MsFlags,
    data: String,
}

/// Those that belong to one mount, not to its file system.
const OF_MOUNT: MsFlags = MsFlags::MS_NOSUID
    .union(MsFlags::MS_NODEV)
    .union(MsFlags::MS_NOEXEC)
    .union(MsFlags::MS_NOATIME)
    .union(MsFlags::MS_NODIRATIME)
    .union(MsFlags::MS_RELATIME);

impl Options {
    /// Reads flags as mount(8) does: what is not a flag of every mount is left to the file system.
    pub fn parse(words: &[String]) -> Self {
        let mut options = Self { flags: MsFlags::empty(), data: String::new() };
        for word in words.iter().flat_map(|words| words.split(',')) {
            let (flag, on) = match word {
                "" | "defaults" | "rw" => continue,
                "ro" => (MsFlags::MS_RDONLY, true),
                "nosuid" => (MsFlags::MS_NOSUID, true),
                "suid" => (MsFlags::MS_NOSUID, false),
                "nodev" => (MsFlags::MS_NODEV, true),
                "dev" => (MsFlags::MS_NODEV, false),
                "noexec" => (MsFlags::MS_NOEXEC, true),
                "exec" => (MsFlags::MS_NOEXEC, false),
                "noatime" => (MsFlags::MS_NOATIME, true),
                "atime" => (MsFlags::MS_NOATIME, false),
                "nodiratime" => (MsFlags::MS_NODIRATIME, true),
                "diratime" => (MsFlags::MS_NODIRATIME, false),
                "relatime" => (MsFlags::MS_RELATIME, true),
                "strictatime" => (MsFlags::MS_STRICTATIME, true),
                "lazytime" => (MsFlags::MS_LAZYTIME, true),
                "sync" => (MsFlags::MS_SYNCHRONOUS, true),
                "async" => (MsFlags::MS_SYNCHRONOUS, false),
                "dirsync" => (MsFlags::MS_DIRSYNC, true),
                other => {
                    if !options.data.is_empty() {
                        options.data.push(',');
                    }
                    options.data.push_str(other);
                    continue;
                }
            };
            options.flags.set(flag, on);
        }
        options
    }

    /// Whether nothing may be written.
    pub fn readonly(&self) -> bool {
        self.flags.contains(MsFlags::MS_RDONLY)
    }
}

/// Mounts a device.
pub fn device(
    device: &Path,
    at: &Path,
    kind: &str,
    options: &Options,
    readonly: bool,
) -> nix::Result<()> {
    let mut flags = options.flags;
    flags.set(MsFlags::MS_RDONLY, readonly);
    // What a power failure would do to a file of ours is of no interest, and flushes are slow.
    let data = ["barrier=0", &options.data].join(",");
    let data = data.trim_end_matches(',');
    mount(Some(device), at, Some(kind), flags, Some(data))
}

/// Makes a mounted file system read-only.
pub fn close(at: &Path, options: &Options) -> nix::Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | options.flags;
    mount(None::<&str>, at, None::<&str>, flags, None::<&str>)
}

/// Shows a folder or a file at another place, too.
pub fn bind(from: &Path, at: &Path, options: &Options, readonly: bool) -> nix::Result<()> {
    mount(Some(from), at, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    let mut flags = options.flags & OF_MOUNT;
    flags.set(MsFlags::MS_RDONLY, readonly);
    if flags.is_empty() {
        return Ok(());
    }
    let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
    mount(None::<&str>, at, None::<&str>, flags, None::<&str>).inspect_err(|_| {
        let _ = umount2(at, MntFlags::MNT_DETACH);
    })
}

/// Takes a mount away; false if there is none.
pub fn unmount(at: &Path) -> nix::Result<bool> {
    match umount2(at, MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::EINVAL | Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes a mount away at once, although somebody may still look at it.
pub fn detach(at: &Path) -> nix::Result<bool> {
    match unmount(at) {
        Err(Errno::EBUSY) => {
            umount2(at, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).map(|()| true)
        }
        other => other,
    }
}

/// Whether a path is the root of a mount, as the kernel sees it from here.
pub fn is_mounted(at: &Path) -> bool {
    let Ok(path) = CString::new(at.as_os_str().as_bytes()) else { return false };
    // SAFETY: the structure is numbers alone, for which zero is a value.
    let mut seen: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: path ends with a zero, and the kernel writes one structure of this kind.
    let done = unsafe {
        libc::statx(libc::AT_FDCWD, path.as_ptr(), libc::AT_SYMLINK_NOFOLLOW, 0, &raw mut seen)
    };
    done == 0 && seen.stx_attributes & (libc::STATX_ATTR_MOUNT_ROOT as u64) != 0
}

/// Removes an empty folder, or a file; nothing else, and nothing below.
pub fn remove_place(at: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(at) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?.file_type(),
    };
    if kind.is_dir() { fs::remove_dir(at) } else { fs::remove_file(at) }
}
