//! A thread that looks at calls while the checks go on: what is made of them must not hold them up.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use prost::Message as _;
use prost_reflect::DynamicMessage;

use super::seen::Seen;

/// How many calls may wait to be looked at. Whoever comes then waits, too.
const QUEUE: usize = 1024;
/// The size of a call with its answer, in bytes, up to which it waits for the thread; larger ones are
/// looked at where they are, and not kept.
const KEPT: usize = 256 * 1024;

/// The thread, from the first call on.
pub struct Watcher {
    look: Arc<dyn Fn(&Seen) + Send + Sync>,
    thread: Mutex<Option<Thread>>,
}

struct Thread {
    calls: SyncSender<Arc<Seen>>,
    handle: JoinHandle<()>,
}

impl Watcher {
    /// One that does this with each call.
    pub fn new(look: impl Fn(&Seen) + Send + Sync + 'static) -> Watcher {
        Watcher { look: Arc::new(look), thread: Mutex::default() }
    }

    /// Hands a call over, or looks at once where it is too large to be kept or there is no thread. Says
    /// whether it may be kept.
    pub fn see(&self, seen: &Arc<Seen>) -> bool {
        let replies: usize = seen.answer.replies.iter().map(DynamicMessage::encoded_len).sum();
        let small = replies + seen.answer.message.len() + seen.request.encoded_len() <= KEPT;
        let sent = match self.sender().filter(|_| small) {
            Some(sender) => sender.send(seen.clone()).is_ok(),
            None => false,
        };
        if !sent {
            (self.look)(seen);
        }
        small
    }

    fn sender(&self) -> Option<SyncSender<Arc<Seen>>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (sender, receiver) = sync_channel::<Arc<Seen>>(QUEUE);
            let look = self.look.clone();
            let work = move || receiver.into_iter().for_each(|seen| look(&seen));
            let handle = std::thread::Builder::new().name("invariants".to_owned()).spawn(work);
            *thread = handle.ok().map(|handle| Thread { calls: sender, handle });
        }
        thread.as_ref().map(|thread| thread.calls.clone())
    }

    /// Waits until everything was looked at.
    pub fn settle(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { calls, handle }) = thread {
            drop(calls);
            // A thread that panicked has told so; what it did not see is not judged.
            let _ = handle.join();
        }
    }
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}
