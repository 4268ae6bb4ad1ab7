//! The files of the node that a driver works on: below the root of its process, or behind a command
//! that the user gave.
//!
//! A driver is not trusted: what it puts at a path must not lead us out of its root, block us, or have
//! us remove what is not ours.

mod local;
pub mod mounts;
mod pattern;
mod remote;
mod take_away;
mod threads;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use pattern::Pattern;

use self::{local::Local, remote::Remote, threads::in_thread};

/// The beginning of the names of all our folders.
const PREFIX: &str = "stdcheck-";
/// A file system whose server is gone keeps whoever asks it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that is read of a file as text.
const LONGEST: u64 = 1024 * 1024;
/// The most names that are listed of a folder.
const MOST_ENTRIES: usize = 10_000;

/// The files of a node. Clones are the same.
#[derive(Clone, Debug)]
pub struct NodeFiles(Way);

#[derive(Clone, Debug)]
enum Way {
    Root(Arc<Local>),
    Command(Arc<Remote>),
}

/// What kind of thing stands at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Nothing,
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A block device.
    Block,
    /// A symbolic link, which is not followed.
    Symlink,
    /// A pipe, a socket, a character device.
    Other,
}

impl Kind {
    /// As suite files name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Nothing => "",
            Kind::Directory => "directory",
            Kind::File => "file",
            Kind::Block => "block",
            Kind::Symlink => "symlink",
            Kind::Other => "other",
        }
    }
}

/// What is seen of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What stands there; [`Kind::Nothing`] if nothing does.
    pub kind: Kind,
    /// A mount begins there.
    pub mounted: bool,
    /// The type of the file system.
    pub fs_type: String,
    /// Options of the mount and of its file system together.
    pub options: Vec<String>,
    /// One of them is `ro`; of a block device: it takes no writes.
    pub read_only: bool,
    /// The names in a folder, in order.
    pub entries: Vec<String>,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit.
    pub mode: u32,
    /// The size of a block device.
    pub device_bytes: u64,
    /// The size of the file system.
    pub total_bytes: u64,
    /// What of it may still be used.
    pub available_bytes: u64,
}

/// Where a pattern stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// A folder, or a block device.
    pub path: String,
    /// The file in the folder; a device takes no notice of it.
    pub file: String,
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub size: u64,
}

/// How a write ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Empty, or the name of the system's error: `EROFS`.
    pub error: String,
    /// How many bytes came through.
    pub bytes: u64,
}

/// What a file holds against a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Empty, or the name of the system's error.
    pub error: String,
    /// All bytes are there and are those of the pattern.
    pub same: bool,
}

/// Calls the operation of whichever way there is.
macro_rules! either {
    ($self:expr, $what:expr, $local:ident => $in_thread:expr, $remote:ident => $there:expr) => {
        match &$self.0 {
            Way::Root($local) => {
                let $local = $local.clone();
                in_thread($what, move || $in_thread).await?
            }
            Way::Command($remote) => match tokio::time::timeout(PATIENCE, $there).await {
                Ok(done) => done,
                Err(_) => Err(too_long($what)),
            },
        }
    };
}

impl NodeFiles {
    /// Those below a root: `/`, or `/proc/PID/root`, whose mounts are read from `/proc/PID/mountinfo`.
    pub fn root(root: PathBuf) -> NodeFiles {
        NodeFiles(Way::Root(Arc::new(Local::new(root))))
    }

    /// Those that a command reaches: `ssh node`, `kubectl exec pod --`. What is there must have a POSIX
    /// shell and coreutils.
    ///
    /// # Errors
    /// If the command does not execute a shell.
    pub async fn command(words: Vec<String>) -> Result<NodeFiles, String> {
        let tried = tokio::time::timeout(PATIENCE, Remote::try_out(words)).await;
        let remote = tried.map_err(|_| too_long("trying the node command"))??;
        Ok(NodeFiles(Way::Command(Arc::new(remote))))
    }

    /// Whether they are on this host: what is done with them takes no command of the user's.
    pub fn are_here(&self) -> bool {
        matches!(self.0, Way::Root(_))
    }

    /// Looks at a path, without following a symbolic link at its end.
    ///
    /// # Errors
    /// If it cannot be looked at. That nothing is there is no error.
    pub async fn look(&self, path: &str) -> Result<Look, String> {
        let path = path.to_owned();
        either!(self, "looking at a path", local => local.look(&path), remote => remote.look(&path))
    }

    /// Writes a pattern and waits until it is stored.
    ///
    /// # Errors
    /// If it cannot be tried. A refusal by the system is in the answer.
    pub async fn write(&self, place: &Place, pattern: Pattern) -> Result<Written, String> {
        let place = place.clone();
        either!(
            self, "writing a pattern",
            local => Ok(local.write(&place, pattern)),
            remote => remote.write(&place, pattern)
        )
    }

    /// Writes a few bytes and waits until they are stored; the place's size is theirs.
    ///
    /// # Errors
    /// If it cannot be tried. A refusal by the system is in the answer.
    pub async fn put(&self, place: &Place, bytes: &[u8]) -> Result<Written, String> {
        let (place, bytes) = (place.clone(), bytes.to_owned());
        either!(
            self, "writing a few bytes",
            local => Ok(local.put(&place, &bytes)),
            remote => remote.put(&place, &bytes)
        )
    }

    /// Reads a few bytes; none if they are not there.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn get(&self, place: &Place) -> Result<Option<Vec<u8>>, String> {
        let place = place.clone();
        either!(
            self, "reading a few bytes",
            local => local.get(&place),
            remote => remote.get(&place)
        )
    }

    /// Reads and compares with a pattern.
    ///
    /// # Errors
    /// If it cannot be tried. A refusal by the system is in the answer.
    pub async fn compare(&self, place: &Place, pattern: Pattern) -> Result<Compared, String> {
        let place = place.clone();
        either!(
            self, "reading a pattern",
            local => Ok(local.compare(&place, pattern)),
            remote => remote.compare(&place, pattern)
        )
    }

    /// The beginning of a regular file; none if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn content(&self, path: &str) -> Result<Option<String>, String> {
        let path = path.to_owned();
        either!(
            self, "reading a file",
            local => local.content(&path),
            remote => remote.content(&path)
        )
    }

    /// Gives a file a content; makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn touch(&self, path: &str, content: &str) -> Result<(), String> {
        let (path, content) = (path.to_owned(), content.to_owned());
        either!(
            self, "writing a file",
            local => local.touch(&path, content.as_bytes()),
            remote => remote.touch(&path, content.as_bytes())
        )
    }

    /// Makes a folder and those above it. Gives those that were not there, the outermost first.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn make_folder(&self, path: &str) -> Result<Vec<String>, String> {
        let path = path.to_owned();
        either!(
            self, "making a folder",
            local => local.make_folder(&path),
            remote => remote.make_folder(&path)
        )
    }

    /// Removes what stands at a path, with all that is in it: only at or below a folder whose name is
    /// ours, and never through a mount. Nothing there is no error.
    ///
    /// # Errors
    /// If something is mounted there, it is not ours, or it cannot be removed.
    pub async fn remove(&self, path: &str) -> Result<(), String> {
        let path = path.to_owned();
        either!(
            self, "removing a folder",
            local => local.remove(&path),
            remote => remote.remove(&path)
        )
    }

    /// Removes one regular file, wherever it is. Nothing there is no error, nor a file system that
    /// takes no writes any more.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub async fn discard(&self, path: &str) -> Result<(), String> {
        let path = path.to_owned();
        either!(
            self, "removing a file",
            local => local.discard(&path),
            remote => remote.discard(&path)
        )
    }

    /// The mount points at a path and below it, as the node names them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn mounts_below(&self, path: &str) -> Result<Vec<String>, String> {
        let path = path.to_owned();
        either!(
            self, "reading the mounts",
            local => local.mounts_below(&path),
            remote => remote.mounts_below(&path)
        )
    }
}

fn too_long(what: &str) -> String {
    format!("{what} on the driver's node does not end within {} s", PATIENCE.as_secs())
}

#[cfg(test)]
mod tests;
