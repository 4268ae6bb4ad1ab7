//! Work inside another process's network namespace. A namespace belongs to a thread, and tokio moves
//! tasks: so each piece of work has a thread of its own.

use std::fs::File;

use nix::sched::{CloneFlags, setns};

/// Runs `work` on a thread in the network namespace of process `pid`; without one, in our own.
///
/// # Errors
/// If the namespace cannot be entered.
pub async fn inside<T: Send + 'static>(
    pid: Option<i32>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (give, take) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("netns".to_owned())
        .spawn(move || {
            let entered = match pid {
                Some(pid) => enter(pid),
                None => Ok(()),
            };
            // Nobody waits any more: the run was interrupted.
            let _ = give.send(entered.map(|()| work()));
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    take.await.map_err(|_| "the thread in the network namespace ended early".to_owned())?
}

fn enter(pid: i32) -> Result<(), String> {
    let path = format!("/proc/{pid}/ns/net");
    let told = |error: &dyn std::fmt::Display| format!("cannot enter {path}: {error}");
    let namespace = File::open(&path).map_err(|error| told(&error))?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))
}
