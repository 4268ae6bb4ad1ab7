//! The run's id and its folder on this host, and what a killed run leaves of it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::drive::process::start_time;

/// The beginning of the names of all our folders and objects.
pub const PREFIX: &str = "stdcheck-";
/// Says whose folder it is: process id, its start, and the endpoint, a line each.
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

/// What this host knows of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Its process lives.
    Lives,
    /// Its process is gone; its folder, and the endpoint that it ran on.
    Dead(PathBuf, String),
    /// Nothing: it ran elsewhere, or its folder is gone.
    Unknown,
}

impl Workspace {
    /// Makes one in the system's temporary folder, for a run on `endpoint`.
    ///
    /// # Errors
    /// The folder and what the system said.
    pub fn new(begun: Instant, endpoint: &str) -> io::Result<Workspace> {
        // The standard library's hash keys are random, which is all that an id needs.
        let random = RandomState::new().build_hasher().finish();
        let id = format!("{:08x}", random & 0xffff_ffff);
        let dir = folder_of(&id);
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot make {}: {error}", dir.display()))
        };
        // Under another name until it says whose it is: `clean` must not take it for a dead run's.
        let unfinished = dir.with_extension("new");
        std::fs::create_dir(&unfinished).map_err(told)?;
        let mut workspace = Workspace { id, dir: unfinished, begun };
        let pid = std::process::id();
        let start = i32::try_from(pid).ok().and_then(start_time).unwrap_or_default();
        let owner = format!("{pid}\n{start}\n{endpoint}\n");
        std::fs::create_dir(workspace.dir.join("logs")).map_err(told)?;
        std::fs::write(workspace.dir.join(OWNER), owner).map_err(told)?;
        std::fs::rename(&workspace.dir, &dir).map_err(told)?;
        workspace.dir = dir;
        Ok(workspace)
    }

    /// The folder's own name, for folders elsewhere.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }

    /// Leaves the folder, so that `clean` finds the run.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    /// That of a run that is over, to be cleaned up; its folder may be gone.
    pub fn of(id: &str, begun: Instant) -> Workspace {
        Workspace { id: id.to_owned(), dir: folder_of(id), begun }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What is mounted there is not ours: a driver that failed to unpublish a volume must not lose
        // what the volume holds. Nothing to do about a failure here; `clean` takes it away later.
        if !holds_mounts(&self.dir) {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Whether something is mounted below a folder. The kernel writes blanks in paths as `\040`; ours have
/// none.
fn holds_mounts(dir: &Path) -> bool {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mountinfo") else { return false };
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.into_iter().any(|point| Path::new(point).starts_with(dir))
}

fn folder_of(id: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{PREFIX}{id}"))
}

/// Whether a text is the id of a run.
pub fn is_id(text: &str) -> bool {
    text.len() == 8 && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// What this host knows of a run.
pub fn trace(id: &str) -> Trace {
    read_trace(&folder_of(id)).unwrap_or(Trace::Unknown)
}

fn read_trace(dir: &Path) -> Option<Trace> {
    let owner = std::fs::read_to_string(dir.join(OWNER)).ok()?;
    let mut lines = owner.lines();
    let pid = lines.next()?.parse().ok()?;
    let start: u64 = lines.next()?.parse().ok()?;
    let endpoint = lines.next()?.to_owned();
    Some(if start_time(pid) == Some(start) {
        Trace::Lives
    } else {
        Trace::Dead(dir.to_owned(), endpoint)
    })
}

/// The ids of dead runs on an endpoint, by the folders that they left on this host.
pub fn dead_on(endpoint: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let id = name.strip_prefix(PREFIX).filter(|id| is_id(id))?;
            match read_trace(&entry.path())? {
                Trace::Dead(_, of) if of == endpoint => Some(id.to_owned()),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_lives_is_no_orphan_and_one_that_ended_leaves_nothing() {
        let endpoint = "unix:///nowhere/of/this/test.sock";
        let workspace = Workspace::new(Instant::now(), endpoint).unwrap();
        let (id, dir) = (workspace.id.clone(), workspace.dir.clone());
        assert!(is_id(&id) && dir.join("logs").is_dir());
        assert_eq!(trace(&id), Trace::Lives);
        assert!(!dead_on(endpoint).contains(&id));
        // The same process id, but another start: somebody else's.
        let owner = format!("{}\n1\n{endpoint}\n", std::process::id());
        std::fs::write(dir.join(OWNER), owner).unwrap();
        assert_eq!(trace(&id), Trace::Dead(dir.clone(), endpoint.to_owned()));
        assert!(dead_on(endpoint).contains(&id));
        assert!(!dead_on("unix:///elsewhere.sock").contains(&id));
        drop(workspace);
        assert!(!dir.exists());
        assert_eq!(trace(&id), Trace::Unknown);
    }
}
