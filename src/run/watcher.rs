//! A thread that looks at answers while the checks go on: judging traffic must not hold it up.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use prost::Message as _;
use prost_reflect::DynamicMessage;

use crate::{drive::grpc::Answer, events::Exchange};

/// How many answers may wait to be looked at. Whoever comes then waits, too.
const QUEUE: usize = 1024;
/// The size of replies, in bytes, up to which they are copied for the thread; larger ones are looked at
/// where they are.
const COPIED: usize = 256 * 1024;

/// An answer to be looked at.
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// `Service/Rpc`
    pub rpc: &'a str,
    /// What was sent.
    pub request: &'a DynamicMessage,
    /// What came back.
    pub answer: &'a Answer,
    /// Both as evidence.
    pub exchange: &'a Exchange,
    /// The check or situation that made the call.
    pub during: &'a str,
}

/// One that waits, copied.
struct Waiting {
    rpc: String,
    request: DynamicMessage,
    answer: Answer,
    exchange: Exchange,
    during: String,
}

impl Waiting {
    fn of(observed: Observed<'_>) -> Waiting {
        Waiting {
            rpc: observed.rpc.to_owned(),
            request: observed.request.clone(),
            answer: observed.answer.clone(),
            exchange: observed.exchange.clone(),
            during: observed.during.to_owned(),
        }
    }

    fn seen(&self) -> Observed<'_> {
        let Waiting { rpc, request, answer, exchange, during } = self;
        Observed { rpc, request, answer, exchange, during }
    }
}

/// The thread, from the first answer on.
pub struct Watcher {
    look: Arc<dyn Fn(Observed<'_>) + Send + Sync>,
    thread: Mutex<Option<(SyncSender<Waiting>, JoinHandle<()>)>>,
}

impl Watcher {
    /// One that does this with each answer.
    pub fn new(look: impl Fn(Observed<'_>) + Send + Sync + 'static) -> Watcher {
        Watcher { look: Arc::new(look), thread: Mutex::default() }
    }

    /// Hands an answer over, or looks at once where it is too large to be copied or there is no thread.
    pub fn see(&self, observed: Observed<'_>) {
        let size: usize = observed.answer.replies.iter().map(DynamicMessage::encoded_len).sum();
        let sent = match self.sender().filter(|_| size <= COPIED) {
            Some(sender) => sender.send(Waiting::of(observed)).is_ok(),
            None => false,
        };
        if !sent {
            (self.look)(observed);
        }
    }

    fn sender(&self) -> Option<SyncSender<Waiting>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (sender, receiver) = sync_channel::<Waiting>(QUEUE);
            let look = self.look.clone();
            let work = move || receiver.into_iter().for_each(|waiting| look(waiting.seen()));
            let handle = std::thread::Builder::new().name("invariants".to_owned()).spawn(work);
            *thread = handle.ok().map(|handle| (sender, handle));
        }
        thread.as_ref().map(|(sender, _)| sender.clone())
    }

    /// Waits until everything was looked at.
    pub fn settle(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, handle)) = thread {
            drop(sender);
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
