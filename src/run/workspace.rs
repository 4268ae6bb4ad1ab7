//! The run's id and its folder on this host, and what a killed run leaves of it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::{Path, PathBuf},
    time::Instant,
};

/// The beginning of the names of all our folders and objects.
pub const PREFIX: &str = "stdcheck-";
/// Holds the process id of the run that owns the folder.
const OWNER: &str = "owner";

/// A run's id and folder. Dropping it removes the folder.
#[derive(Debug)]
pub struct Workspace {
    /// Eight lower-case hexadecimal digits.
    pub id: String,
    /// `$TMPDIR/stdcheck-ID`, with a folder `logs` in it.
    pub dir: PathBuf,
    /// When the process began, as far as we know.
    pub begun: Instant,
}

impl Workspace {
    /// Makes one in the system's temporary folder.
    ///
    /// # Errors
    /// The folder and what the system said.
    pub fn new(begun: Instant) -> io::Result<Workspace> {
        // The standard library's hash keys are random, which is all that an id needs.
        let random = RandomState::new().build_hasher().finish();
        let id = format!("{:08x}", random & 0xffff_ffff);
        let dir = std::env::temp_dir().join(format!("{PREFIX}{id}"));
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot make {}: {error}", dir.display()))
        };
        std::fs::create_dir(&dir).map_err(told)?;
        let workspace = Workspace { id, dir: dir.clone(), begun };
        std::fs::create_dir(dir.join("logs")).map_err(told)?;
        std::fs::write(dir.join(OWNER), std::process::id().to_string()).map_err(told)?;
        Ok(workspace)
    }
}

impl Workspace {
    /// That of a run that is over, to be cleaned up; its folder may be gone.
    pub fn of(id: &str, dir: Option<PathBuf>, begun: Instant) -> Workspace {
        let dir = dir.unwrap_or_else(|| std::env::temp_dir().join(format!("{PREFIX}{id}")));
        Workspace { id: id.to_owned(), dir, begun }
    }
}

/// Whether a text is the id of a run.
pub fn is_id(text: &str) -> bool {
    text.len() == 8 && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Nothing to do about a failure here; `clean` takes it away later.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Folders that runs left behind which no longer live, with their ids.
pub fn orphans() -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let id = name.strip_prefix(PREFIX)?.to_owned();
            (is_id(&id) && !is_alive(&entry.path())).then(|| (id, entry.path()))
        })
        .collect()
}

/// Whether the run with that id is still under way on this host.
pub fn lives(id: &str) -> bool {
    is_alive(&std::env::temp_dir().join(format!("{PREFIX}{id}")))
}

fn is_alive(dir: &Path) -> bool {
    let Ok(owner) = std::fs::read_to_string(dir.join(OWNER)) else { return false };
    let Ok(pid) = owner.trim().parse::<u32>() else { return false };
    let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
    // A process id may come back as somebody else's: only another stdcheck counts.
    exe.is_ok_and(|exe| {
        exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with("stdcheck"))
    })
}
