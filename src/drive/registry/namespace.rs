//! Network namespaces, which belong to threads.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns};

use super::RegistryError;

/// How a network namespace is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Netns {
    /// The one that this process is in.
    Pid(u32),
    /// A file that stands for it, such as `/var/run/netns/NAME`.
    Path(PathBuf),
}

impl Netns {
    /// The file that stands for it.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Pid(pid) => PathBuf::from(format!("/proc/{pid}/ns/net")),
            Self::Path(path) => path.clone(),
        }
    }
}

/// Moves the calling thread, and no other, into the namespace, unless it is there already: that needs no permission.
pub(super) fn enter(netns: &Netns) -> Result<(), RegistryError> {
    let path = netns.path();
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::PermissionDenied => RegistryError::NotPermitted(path.clone()),
        _ => RegistryError::Namespace { path: path.clone(), source },
    };
    if is_ours(&path).map_err(failed)? {
        return Ok(());
    }
    let file = File::open(&path).map_err(failed)?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| failed(error.into()))
}

fn is_ours(path: &Path) -> io::Result<bool> {
    let ours = std::fs::metadata("/proc/thread-self/ns/net")?;
    let theirs = std::fs::metadata(path)?;
    Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
}
