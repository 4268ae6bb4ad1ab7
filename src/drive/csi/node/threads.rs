//! Threads for work that may hang for ever: one that does is left behind, which a task could not be.

use std::sync::{Mutex, PoisonError, mpsc};

use nix::{
    sched::{CloneFlags, unshare},
    sys::stat::{Mode, umask},
};

use super::{PATIENCE, too_long};

type Work = Box<dyn FnOnce() + Send>;

/// Threads that have nothing to do. Starting one takes longer than what most of them do.
static IDLE: Mutex<Vec<mpsc::Sender<Work>>> = Mutex::new(Vec::new());

/// Does something on a thread of its own, and waits for it only so long.
pub async fn in_thread<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let thread = match idle {
        Some(thread) => thread,
        None => start().map_err(|error| format!("cannot start a thread: {error}"))?,
    };
    let (give, take) = tokio::sync::oneshot::channel();
    let again = thread.clone();
    let work: Work = Box::new(move || {
        let done = work();
        // Before it is told: whoever waits for it may be the next to want one.
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(again);
        // Nobody waits any more if it took too long.
        drop(give.send(done));
    });
    let early = || format!("{what} on the driver's node ended early");
    thread.send(work).map_err(|_| early())?;
    match tokio::time::timeout(PATIENCE, take).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(early()),
        Err(_) => Err(too_long(what)),
    }
}

fn start() -> std::io::Result<mpsc::Sender<Work>> {
    let (give, take) = mpsc::channel::<Work>();
    std::thread::Builder::new().name("node-files".to_owned()).spawn(move || {
        // Files get the modes that we ask for; the mask is this thread's own then.
        if unshare(CloneFlags::CLONE_FS).is_ok() {
            umask(Mode::empty());
        }
        // A thread that panics at its work is not idle again: its sender goes with the work.
        take.into_iter().for_each(|work| work());
    })?;
    Ok(give)
}
