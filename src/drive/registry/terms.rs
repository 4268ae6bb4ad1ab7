//! On what terms content is served: to whom, and how badly. Repositories that are published together share them, and
//! what is counted of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::fault::{Fault, Harm, Part};

/// The terms of one publication.
#[derive(Default)]
pub(super) struct Terms {
    pub access: Access,
    /// Set when the fault is taken away: what it holds up goes on.
    pub repaired: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// Tokens that were given out for right credentials.
    tokens: BTreeSet<String>,
    tally: Tally,
    /// By digest: how many GETs, and how many bytes.
    blobs: BTreeMap<String, (u64, Arc<AtomicU64>)>,
}

/// What was asked of repositories that were published together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests of any kind, answered in any way.
    pub total: u64,
    /// Manifests and indexes that were sent: answers 200 to GET.
    pub manifests: u64,
    /// Configs and layers that were asked for, in the order of their digests.
    pub blobs: Vec<BlobTally>,
    /// Answers 401.
    pub unauthorized: u64,
    /// Requests for content that brought right credentials, where they were wanted.
    pub authorized: u64,
    /// Tokens that were given out for right credentials.
    pub tokens: u64,
}

/// What was asked of one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobTally {
    /// Which.
    pub digest: String,
    /// GET requests that were answered with it or a part of it.
    pub gets: u64,
    /// How much of it was sent to all of them; what is on its way counts when it goes.
    pub bytes: u64,
}

impl Tally {
    /// Both together.
    pub(super) fn and(mut self, other: Tally) -> Tally {
        self.total += other.total;
        self.manifests += other.manifests;
        self.unauthorized += other.unauthorized;
        self.authorized += other.authorized;
        self.tokens += other.tokens;
        self.blobs.extend(other.blobs);
        self
    }
}

impl Terms {
    pub fn new(access: Access, fault: Option<Fault>) -> Self {
        let terms = Self { access, ..Self::default() };
        terms.state().fault = fault;
        terms
    }

    /// Whether everybody may pull.
    pub fn is_open(&self) -> bool {
        self.access == Access::Anybody
    }

    /// How the answer to a request is to be hurt, if it is. `bodiless`: it has no body that could be.
    pub fn harm(&self, part: Part, bodiless: bool) -> Option<Harm> {
        self.state().fault.as_mut()?.strike(part, bodiless)
    }

    pub fn repair(&self) {
        self.state().fault = None;
        self.repaired.cancel();
    }

    /// Remembers a token that is given to somebody whose credentials were right.
    pub fn issue(&self, token: String) {
        let mut state = self.state();
        state.tokens.insert(token);
        state.tally.tokens += 1;
    }

    pub fn issued(&self, token: &str) -> bool {
        self.state().tokens.contains(token)
    }

    pub fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.state().tally);
    }

    /// Counts a GET of a blob. What is sent of it is to be added to the counter that is returned.
    pub fn count_blob(&self, digest: &str) -> Arc<AtomicU64> {
        let mut state = self.state();
        let (gets, bytes) = state.blobs.entry(digest.to_owned()).or_default();
        *gets += 1;
        Arc::clone(bytes)
    }

    pub fn tally(&self) -> Tally {
        let state = self.state();
        let blobs = state.blobs.iter().map(|(digest, (gets, bytes))| BlobTally {
            digest: digest.clone(),
            gets: *gets,
            bytes: bytes.load(Ordering::SeqCst),
        });
        Tally { blobs: blobs.collect(), ..state.tally.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}
