//! The folder that survives the process: state.json and the images.
//!
//! Several processes may share it (a controller and a node): whoever changes it holds the lock file
//! and has read what the others wrote.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    refusal::{Answer, internal},
    seed::Seed,
    state::State,
};

/// The state and where it is kept.
pub struct Store {
    folder: PathBuf,
    lock: File,
    seed: Seed,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    state: State,
    /// Which file that is: inode, time of change, size.
    stamp: Option<(u64, i64, i64, u64)>,
}

impl Store {
    /// Opens or makes the folder and reads what is there.
    pub fn open(folder: &Path, seed: Seed, forget: bool) -> Result<Self, String> {
        let open = || -> io::Result<Self> {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder)?;
            for part in ["volumes", "snapshots", "staged"] {
                builder.create(folder.join(part))?;
            }
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join("lock"))?;
            if forget {
                let _ = fs::remove_file(folder.join("state.json"));
            }
            Ok(Self { folder: folder.to_owned(), lock, seed, known: Mutex::default() })
        };
        let store = open().map_err(|error| format!("--state {}: {error}", folder.display()))?;
        let started = store.write(|state| {
            state.starts += 1;
            Ok(())
        });
        started.map_err(|refusal| refusal.message)?;
        Ok(store)
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Answer<T> {
        let mut known = self.known();
        self.refresh(&mut known)?;
        Ok(look(&known.state))
    }

    /// Changes the state. Whoever refuses must not have changed anything before.
    pub fn write<T>(&self, change: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let mut known = self.known();
        self.lock.lock()?;
        let result = self.refresh(&mut known).and_then(|()| {
            let result = change(&mut known.state)?;
            self.save(&mut known)?;
            Ok(result)
        });
        self.lock.unlock()?;
        result
    }

    /// Where a volume's bytes are. The id is one of ours, never what a client sent.
    pub fn volume_image(&self, id: &str) -> PathBuf {
        self.folder.join("volumes").join(format!("{id}.img"))
    }

    /// Where a snapshot's bytes are. The id is one of ours, never what a client sent.
    pub fn snapshot_image(&self, id: &str) -> PathBuf {
        self.folder.join("snapshots").join(format!("{id}.img"))
    }

    /// Where a volume is staged by a driver that does not stage.
    pub fn own_staging(&self, id: &str) -> PathBuf {
        self.folder.join("staged").join(id)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    fn stamp(&self) -> io::Result<Option<(u64, i64, i64, u64)>> {
        match fs::metadata(self.path()) {
            Ok(meta) => Ok(Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.size()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the file again if it is another one than before.
    fn refresh(&self, known: &mut Known) -> Answer<()> {
        let stamp = self.stamp()?;
        if stamp.is_some() && stamp == known.stamp {
            return Ok(());
        }
        let mut state: State = match stamp {
            None => State::default(),
            Some(_) => serde_json::from_slice(&fs::read(self.path())?)
                .map_err(|error| internal(format!("state.json: {error}")))?,
        };
        self.seed.sow(&mut state);
        *known = Known { state, stamp };
        Ok(())
    }

    /// Writes a new file and puts it in place of the old one.
    fn save(&self, known: &mut Known) -> Answer<()> {
        let text = serde_json::to_vec(&Kept::of(&known.state))
            .map_err(|error| internal(format!("state.json: {error}")))?;
        let fresh = self.folder.join("state.json.new");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, self.path())?;
        known.stamp = self.stamp()?;
        Ok(())
    }
}

/// What is written down: all but what is seeded.
#[derive(serde::Serialize)]
struct Kept<'a> {
    volumes: std::collections::BTreeMap<&'a String, &'a super::state::Volume>,
    snapshots: std::collections::BTreeMap<&'a String, &'a super::state::Snapshot>,
    groups: &'a std::collections::BTreeMap<String, super::state::Group>,
    gone: &'a std::collections::BTreeSet<String>,
    deleted: &'a std::collections::BTreeMap<String, super::state::Volume>,
    deleted_snapshots: &'a std::collections::BTreeMap<String, super::state::Snapshot>,
    starts: u64,
}

impl<'a> Kept<'a> {
    fn of(state: &'a State) -> Self {
        Self {
            volumes: state.volumes.iter().filter(|(_, one)| !one.seeded).collect(),
            snapshots: state.snapshots.iter().filter(|(_, one)| !one.seeded).collect(),
            groups: &state.groups,
            gone: &state.gone,
            deleted: &state.deleted,
            deleted_snapshots: &state.deleted_snapshots,
            starts: state.starts,
        }
    }
}
