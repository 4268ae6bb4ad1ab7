//! A thread beside the checks that makes of calls what the checks do not wait for: has the invariants look
//! at them, makes evidence of them, and tells what came of it, in the order in which it was handed over.

use std::{
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::mpsc::UnboundedSender;

use super::{
    evidence::Redactor,
    hidden,
    seen::{Evidence, Seen},
};
use crate::{events::Event, suite::expr::Scope};

/// How much may wait for the thread. Whoever comes then waits, too.
const QUEUE: usize = 256;
/// How long the thread leaves what it was given if nobody wakes it ([`Teller::wake`]).
const LATEST: Duration = Duration::from_millis(50);

/// The thread, from the first thing that it is given until it is told to end.
pub struct Teller {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    work: Work,
    queue: Mutex<Queue>,
    /// Something is in the queue, or it is over.
    more: Condvar,
    /// Something was taken out, or nobody does so any more.
    room: Condvar,
}

#[derive(Default)]
struct Queue {
    given: VecDeque<Given>,
    /// Whether there is somebody who takes it.
    served: bool,
    over: bool,
}

/// What it is given.
enum Given {
    /// Calls to look at.
    Calls(Vec<Arc<Seen>>),
    /// Something to tell; for a result, its exchanges.
    Event(Box<Event>, Vec<Evidence>),
    /// Names that nobody sees any more: to free all that they hold takes as long as a call.
    Names(Scope),
}

struct Work {
    look: Box<dyn Fn(&Seen) + Send + Sync>,
    redactor: Arc<Redactor>,
    events: UnboundedSender<Event>,
}

impl Work {
    fn on(&self, given: Given) {
        match given {
            Given::Calls(calls) => calls.iter().for_each(|seen| {
                self.survive(&seen.during, || (self.look)(seen));
            }),
            Given::Names(names) => drop(names),
            Given::Event(mut event, evidence) => {
                if let Event::CheckFinished(result) = event.as_mut() {
                    let show = |one: &Evidence| one.shown(&self.redactor);
                    let shown =
                        self.survive(&result.id, || evidence.iter().map(show).collect::<Vec<_>>());
                    result.exchanges.extend(shown.unwrap_or_default());
                }
                self.send(*event);
            }
        }
    }

    fn send(&self, mut event: Event) {
        hidden::hide(&mut event, &self.redactor);
        // A reader that is gone is no reason to stop cleaning up.
        let _ = self.events.send(event);
    }

    /// A panic of ours costs what was being made, and no result.
    fn survive<T>(&self, of: &str, make: impl FnOnce() -> T) -> Option<T> {
        let made = catch_unwind(AssertUnwindSafe(make)).ok();
        if made.is_none() {
            let what = "stdcheck itself failed where it looked at the calls of";
            self.send(Event::Note(format!("{what} {of}; please report it")));
        }
        made
    }
}

impl Teller {
    /// One that does this with each call, and tells events without secrets.
    pub fn new(
        look: impl Fn(&Seen) + Send + Sync + 'static,
        redactor: Arc<Redactor>,
        events: UnboundedSender<Event>,
    ) -> Teller {
        let work = Work { look: Box::new(look), redactor, events };
        let shared =
            Shared { work, queue: Mutex::default(), more: Condvar::new(), room: Condvar::new() };
        Teller { shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// Has calls looked at, by and by.
    pub fn see(&self, calls: Vec<Arc<Seen>>) {
        if !calls.is_empty() {
            self.give(Given::Calls(calls));
        }
    }

    /// Has one looked at before this returns: it is too large to be kept.
    pub fn see_at_once(&self, seen: &Seen) {
        (self.shared.work.look)(seen);
    }

    /// Tells an event, once everything has been looked at that was given before; a result with these
    /// exchanges.
    pub fn tell(&self, event: Event, evidence: Vec<Evidence>) {
        self.give(Given::Event(Box::new(event), evidence));
    }

    /// Frees the names of a check, by and by.
    pub fn free(&self, names: Scope) {
        self.give(Given::Names(names));
    }

    /// Has the thread begin with what it was given. To wake it takes time, so this is for when there is
    /// some: while the target is at it.
    pub fn wake(&self) {
        if !self.shared.queue().given.is_empty() {
            self.shared.more.notify_one();
        }
    }

    /// Waits until everything is done that was given; from now on it is done at once.
    pub fn settle(&self) {
        self.shared.queue().over = true;
        self.shared.more.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // What could make it panic is caught in it.
            let _ = thread.join();
        }
    }

    fn give(&self, given: Given) {
        let mut queue = self.shared.queue();
        if !queue.over && !queue.served {
            queue.served = self.start();
        }
        while queue.served && queue.given.len() >= QUEUE {
            self.shared.more.notify_one();
            queue = self.shared.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.served && !queue.over {
            queue.given.push_back(given);
        } else {
            drop(queue);
            self.shared.work.on(given);
        }
    }

    /// Says whether there is a thread now. One that ended is not replaced.
    fn start(&self) -> bool {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_some() {
            return false;
        }
        let shared = self.shared.clone();
        // Made in the thread: where there is none, nothing of it ends here.
        let task = move || Serving(shared).serve();
        *thread = std::thread::Builder::new().name("teller".to_owned()).spawn(task).ok();
        thread.is_some()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is next; none at the end.
    fn next(&self) -> Option<Given> {
        let mut queue = self.queue();
        loop {
            if let Some(given) = queue.given.pop_front() {
                self.room.notify_one();
                return Some(given);
            }
            if queue.over {
                return None;
            }
            let waited = self.more.wait_timeout(queue, LATEST);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Otherwise the thread would wait for ever.
impl Drop for Teller {
    fn drop(&mut self) {
        self.settle();
    }
}

/// The thread's own part.
struct Serving(Arc<Shared>);

impl Serving {
    fn serve(&self) {
        while let Some(given) = self.0.next() {
            self.0.work.on(given);
        }
    }
}

/// However it ends: nobody may wait for it any more, and what it was given is done.
impl Drop for Serving {
    fn drop(&mut self) {
        let left = {
            let mut queue = self.0.queue();
            queue.served = false;
            mem::take(&mut queue.given)
        };
        self.0.room.notify_all();
        left.into_iter().for_each(|given| self.0.work.on(given));
    }
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DynamicMessage;

    use super::*;
    use crate::{drive::grpc::Answer, suite::rpc};

    fn call(during: &str) -> Arc<Seen> {
        let method = rpc::find("csi.v1", "Identity/Probe").unwrap();
        let request = DynamicMessage::new(method.input());
        let answer = Arc::new(Answer::none("nobody"));
        let rpc = "Identity/Probe".to_owned();
        Arc::new(Seen::new(rpc, request.into(), answer, during.to_owned(), Duration::ZERO))
    }

    #[test]
    fn a_look_that_panics_costs_no_event_and_the_order_stays() {
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        let look = |seen: &Seen| assert!(seen.during != "bad", "meant to");
        let teller = Teller::new(look, Arc::default(), events);
        for at in 0..3 * QUEUE {
            teller.see(vec![call(if at == QUEUE { "bad" } else { "good" })]);
            teller.tell(Event::Note(at.to_string()), Vec::new());
        }
        teller.settle();
        teller.tell(Event::Note("after".to_owned()), Vec::new());
        drop(teller);
        let mut notes = Vec::new();
        while let Some(event) = told.blocking_recv() {
            let Event::Note(note) = event else { panic!("{event:?}") };
            notes.push(note);
        }
        let mut wanted: Vec<String> = (0..3 * QUEUE).map(|at| at.to_string()).collect();
        let failed = "stdcheck itself failed where it looked at the calls of bad; please report it";
        wanted.insert(QUEUE, failed.to_owned());
        wanted.push("after".to_owned());
        assert_eq!(notes, wanted);
    }
}
