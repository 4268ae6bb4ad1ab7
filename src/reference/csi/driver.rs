//! What all calls share.

use std::{
    fs::File,
    io::Write,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    defect::{Defect, Defects},
    feature::{Feature, Features},
    locks::Locks,
    loopdev::Held,
    refusal::{Answer, not_found, shown},
    state::{Snapshot, Volume},
    store::Store,
};

/// What was said on the command line.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The plugin's name.
    pub name: String,
    /// All nodes that there are, this one first.
    pub nodes: Vec<String>,
    /// What every call has to hold that can hold secrets.
    pub secrets: Vec<(String, String)>,
    /// Secrets of somebody who is known, and may do nothing.
    pub denied: Vec<(String, String)>,
    /// How many volumes a node takes; 0 for no limit.
    pub volumes_limit: i64,
    /// The largest volume.
    pub max_volume_size: i64,
    /// What all volumes may have together.
    pub capacity: i64,
    /// Whether calls are logged.
    pub verbose: bool,
}

/// The driver.
pub struct Driver {
    /// What was said on the command line.
    pub settings: Settings,
    /// What it can do.
    pub features: Features,
    /// Which services this instance serves, of those that the driver has.
    pub serves: Vec<Feature>,
    /// What it does wrong.
    pub defects: Defects,
    /// Rpcs that never answer.
    pub hangs: Vec<String>,
    /// Rpcs that end the process.
    pub falls: Vec<String>,
    /// What it knows.
    pub store: Store,
    /// One call for a thing at a time.
    pub locks: Locks,
    /// Loop devices that have to stay open.
    pub loops: Held,
    /// Of a defect: the log file, once there is one.
    pub log_file: Mutex<Option<File>>,
    /// How often Probe was called.
    pub probes: std::sync::atomic::AtomicU64,
    /// How often the node was asked who it is.
    pub infos: std::sync::atomic::AtomicU64,
    /// Of a defect: a client has given a call up.
    pub cancelled: std::sync::atomic::AtomicBool,
    /// Of a defect: the names of volumes whose making was given up.
    pub stuck: Mutex<std::collections::BTreeSet<String>>,
}

impl Driver {
    /// Whether it makes this mistake.
    pub fn has(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }

    /// Ends the process if it makes this mistake here.
    pub fn dies(&self, defect: Defect, now: bool) {
        if now && self.has(defect) {
            self.log("panic: this cannot happen");
            std::process::exit(101);
        }
    }

    /// Ends the process if this rpc is to.
    pub fn falls(&self, rpc: &str) {
        if self.falls.iter().any(|name| name == rpc) {
            self.log("panic: this cannot happen");
            std::process::exit(101);
        }
    }

    /// This node's id.
    pub fn node_id(&self) -> &str {
        self.settings.nodes.first().map_or("", String::as_str)
    }

    /// One line on stderr, and nowhere else.
    pub fn log(&self, line: &str) {
        // Whoever started us may have closed it.
        let _ = writeln!(std::io::stderr(), "{line}");
        if self.has(Defect::LogFile) {
            let mut file = self.log_file.lock().unwrap_or_else(PoisonError::into_inner);
            if file.is_none() {
                let path = self.store.folder().join("driver.log");
                *file = File::options().create(true).append(true).open(path).ok();
            }
            if let Some(file) = &mut *file {
                let _ = writeln!(file, "{line}");
            }
        }
    }

    /// A volume that is there.
    pub fn volume(&self, id: &str) -> Answer<Volume> {
        let found = self.store.read(|state| state.volumes.get(id).cloned())?;
        found.ok_or_else(|| not_found(format!("there is no volume {}", shown(id))))
    }

    /// A snapshot that is there.
    pub fn snapshot(&self, id: &str) -> Answer<Snapshot> {
        let found = self.store.read(|state| state.snapshots.get(id).cloned())?;
        found.ok_or_else(|| not_found(format!("there is no snapshot {}", shown(id))))
    }

    /// Changes a volume, if it is there.
    pub fn change<T>(&self, id: &str, change: impl FnOnce(&mut Volume) -> T) -> Answer<T> {
        self.store.write(|state| {
            let found = state.volumes.get_mut(id);
            let volume =
                found.ok_or_else(|| not_found(format!("there is no volume {}", shown(id))))?;
            volume.seeded = false;
            Ok(change(volume))
        })
    }
}

/// Seconds and nanoseconds since 1970.
pub fn now() -> (i64, i32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(now.as_secs()).unwrap_or(i64::MAX), now.subsec_nanos().cast_signed())
}
