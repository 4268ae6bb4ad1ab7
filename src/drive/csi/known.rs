//! What a run remembers of its driver: what it advertises, and what of a volume is done on the node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, Shared};

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
    spare: Mutex<Option<Spare>>,
}

/// Folders that are being made on the node.
pub type Making = Shared<BoxFuture<'static, Result<(), String>>>;

/// Folders that the next volume may be staged and published in: to make them takes a disk longer than a
/// driver takes to answer.
#[derive(Clone, Debug)]
pub struct Spare {
    /// The folder of ours that they are in.
    pub own: String,
    /// Ends when they are there.
    pub making: Making,
    /// Since when they have been kept.
    pub since: Instant,
}

/// A node may come back without what was made on it.
const OLDEST: Duration = Duration::from_secs(1);

impl Spare {
    /// Whether they are likely to be there when they are wanted: not if they could not be made.
    pub fn is_good(&self) -> bool {
        self.since.elapsed() < OLDEST && self.making.peek().is_none_or(Result::is_ok)
    }
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

    /// The spare folders, if there are any: whoever has them uses them.
    pub fn take_spare(&self) -> Option<Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps folders for the next volume. Gives back those that were kept before.
    pub fn keep_spare(&self, spare: Spare) -> Option<Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).replace(spare)
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Use>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn spare(result: Result<(), String>, age: Duration) -> Spare {
        let making = async move { result }.boxed().shared();
        Spare { own: "/1".to_owned(), making, since: Instant::now().checked_sub(age).unwrap() }
    }

    #[tokio::test]
    async fn spare_folders_that_are_old_or_could_not_be_made_are_not_good() {
        let fresh = spare(Ok(()), Duration::ZERO);
        assert!(fresh.is_good());
        fresh.making.clone().await.unwrap();
        assert!(fresh.is_good());
        assert!(!spare(Ok(()), OLDEST).is_good());
        let failed = spare(Err("full".to_owned()), Duration::ZERO);
        failed.making.clone().await.unwrap_err();
        assert!(!failed.is_good());
    }

    #[test]
    fn spare_folders_are_had_once() {
        let known = Known::default();
        assert!(known.keep_spare(spare(Ok(()), Duration::ZERO)).is_none());
        assert!(known.keep_spare(spare(Ok(()), Duration::ZERO)).is_some());
        assert!(known.take_spare().is_some());
        assert!(known.take_spare().is_none());
    }
}
