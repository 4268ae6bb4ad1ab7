//! Calls for one thing go one after the other; calls for different things side by side.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Locks by name, made when they are needed.
#[derive(Debug, Default)]
pub struct Locks(Mutex<HashMap<String, Arc<Mutex<()>>>>);

impl Locks {
    /// Does something while nobody else has any of these. They are taken in order, so that two
    /// callers never wait for each other.
    pub fn hold<T>(&self, mut names: Vec<String>, work: impl FnOnce() -> T) -> T {
        names.sort();
        names.dedup();
        let locks: Vec<_> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
            names.into_iter().map(|name| Arc::clone(all.entry(name).or_default())).collect()
        };
        let _held: Vec<_> =
            locks.iter().map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        work()
    }
}

/// The lock of a volume that is there.
pub fn volume(id: &str) -> String {
    format!("volume {id}")
}

/// The lock of a snapshot that is there.
pub fn snapshot(id: &str) -> String {
    format!("snapshot {id}")
}

/// The lock of a name: whatever is to be made is made once.
pub fn name(kind: &str, name: &str) -> String {
    format!("name {kind} {name}")
}
