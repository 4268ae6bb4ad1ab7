//! What a run remembers of its driver: what it advertises, and what of a volume is done on the node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

/// Shared by all checks of a run.
#[derive(Debug, Default)]
pub struct Known {
    /// `controller:CREATE_DELETE_VOLUME`, `node:…`, `plugin:…`, `expansion:…`: asked once.
    pub advertised: tokio::sync::OnceCell<BTreeSet<String>>,
    /// Held by whoever uses the user's own volume: two checks would unpublish each other's.
    pub users_volume: Arc<tokio::sync::Mutex<()>>,
    /// The driver ended before the first check, and was started again.
    pub early_end: OnceLock<EarlyEnd>,
    uses: Mutex<BTreeMap<String, Use>>,
}

/// An end of the driver that no check had to do with.
#[derive(Clone, Debug)]
pub struct EarlyEnd {
    /// How it ended, and when.
    pub how: String,
    /// How long it took until it answered again.
    pub restarted_after: Duration,
}

/// What was done with a volume so that it can be used on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The controller published it.
    pub attached: bool,
    /// Where it is staged.
    pub staged: Option<String>,
    /// Where it is published.
    pub published: BTreeSet<String>,
}

impl Known {
    /// What was done with a volume.
    pub fn use_of(&self, volume: &str) -> Use {
        self.uses().get(volume).cloned().unwrap_or_default()
    }

    /// Something was done with it.
    pub fn set_use(&self, volume: &str, used: Use) {
        self.uses().insert(volume.to_owned(), used);
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Use>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
