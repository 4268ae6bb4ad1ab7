//! A thread that holds a mount namespace. Processes that it starts are born in it, and its mounts stay
//! when they die, so that a driver finds them again as on a node.

use std::{
    io,
    process::{Child, Command},
    sync::mpsc,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::gettid,
};
use tokio::sync::oneshot;

/// A command to be started, and who wants to know.
type Asked = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread; it ends when this is dropped, and what it started is killed then.
#[derive(Debug)]
pub struct Holder {
    asks: mpsc::Sender<Asked>,
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
        std::thread::Builder::new()
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
        Ok(Holder { asks, thread, shares })
    }

    /// Starts a process in the namespace.
    pub async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread of the mount namespace ended");
        let (give, take) = oneshot::channel();
        self.asks.send((command, give)).map_err(|_| gone())?;
        take.await.map_err(|_| gone())?
    }
}

/// What is mounted from now on is seen in this thread's namespace alone, and nothing of others' in it.
fn separate() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}
