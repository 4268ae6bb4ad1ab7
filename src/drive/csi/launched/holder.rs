//! A thread that holds a mount namespace. Processes that it starts are born in it, and its mounts stay
//! when they die, so that a driver finds them again as on a node.

use std::{
    io,
    path::Path,
    process::{Child, Command},
    sync::mpsc,
    thread::JoinHandle,
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::gettid,
};
use tokio::sync::oneshot;

use crate::drive::csi::node::mounts;

/// A command to be started, and who wants to know.
type Asked = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread; it ends when this is dropped, and what it started is killed then.
#[derive(Debug)]
pub struct Holder {
    /// None when it is to end.
    asks: Option<mpsc::Sender<Asked>>,
    ends: Option<JoinHandle<()>>,
    /// Its number as the kernel counts.
    pub thread: i32,
    /// Why it has no namespace of its own, if so.
    pub shares: Option<String>,
}

impl Holder {
    /// Starts the thread.
    pub async fn start() -> Result<Holder, String> {
        let told = |error: &dyn std::fmt::Display| format!("cannot start a thread: {error}");
        let (give, take) = oneshot::channel();
        let (asks, asked) = mpsc::channel::<Asked>();
        let ends = std::thread::Builder::new()
            .name("driver".to_owned())
            .spawn(move || {
                let shares = separate().err().map(|error| error.to_string());
                if give.send((gettid().as_raw(), shares)).is_err() {
                    return;
                }
                for (mut command, answer) in asked {
                    // Whoever asked may be gone; a child that nobody takes is ended.
                    if let Err(Ok(mut child)) = answer.send(command.spawn()) {
                        let _ = child.kill();
                        let _ = child.wait();
                    }
                }
            })
            .map_err(|error| told(&error))?;
        let (thread, shares) = take.await.map_err(|error| told(&error))?;
        Ok(Holder { asks: Some(asks), ends: Some(ends), thread, shares })
    }

    /// Starts a process in the namespace.
    pub async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread of the mount namespace ended");
        let (give, take) = oneshot::channel();
        let asks = self.asks.as_ref().ok_or_else(gone)?;
        asks.send((command, give)).map_err(|_| gone())?;
        take.await.map_err(|_| gone())?
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It waits for nothing but this.
        drop(self.asks.take());
        if let Some(ends) = self.ends.take() {
            let _ = ends.join();
        }
    }
}

/// What is mounted from now on is seen in this thread's namespace alone. What others unmount goes from
/// it, too: a copy of ours would keep their file systems in use.
fn separate() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>)?;
    // Where mounts are not shared, that does not work; what we know to be of other runs is let go.
    let text = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    for mount in mounts::parse(&text).iter().rev().filter(|mount| is_of_a_run(&mount.point)) {
        let _ = umount2(&mount.point, MntFlags::MNT_DETACH);
    }
    Ok(())
}

/// Whether a mount stands below the folder of a run: `stdcheck-` and eight hexadecimal digits.
fn is_of_a_run(point: &Path) -> bool {
    let Some(above) = point.parent() else { return false };
    above.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name.strip_prefix("stdcheck-")
            .is_some_and(|id| id.len() == 8 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_runs_are_known_by_their_place() {
        let of_a_run = |point: &str| is_of_a_run(Path::new(point));
        assert!(of_a_run("/tmp/stdcheck-0a1b2c3d/node/1/staging"));
        for not in ["/tmp/stdcheck-0a1b2c3d", "/mnt/stdcheck-disk/x", "/", "/tmp"] {
            assert!(!of_a_run(not), "{not}");
        }
    }
}
