//! One life of a driver: somebody waits for its end from the beginning.

use std::{
    fmt, io,
    os::unix::process::ExitStatusExt as _,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use tokio::sync::watch;

use super::output::Output;

/// How long the kernel may take to end what was killed.
pub const DYING: Duration = Duration::from_secs(10);
/// The same where nothing else can go on meanwhile.
const DYING_AT_THE_END: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// How a driver ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The last that it printed on standard error, or on standard output.
    pub last_lines: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(out, "ended with exit code {code}")?,
            (None, Some(signal)) => match Signal::try_from(signal) {
                Ok(signal) => write!(out, "was ended by {signal}")?,
                Err(_) => write!(out, "was ended by signal {signal}")?,
            },
            (None, None) => write!(out, "ended")?,
        }
        if self.last_lines.is_empty() { Ok(()) } else { write!(out, " ({})", self.last_lines) }
    }
}

/// A process that is watched. Clones are the same.
#[derive(Clone, Debug)]
pub struct Process {
    pid: i32,
    /// True once its number may belong to somebody else.
    reaped: Arc<Mutex<bool>>,
    end: watch::Receiver<Option<Ended>>,
}

impl Process {
    /// Waits for the end of a child, on a thread.
    pub fn watch(child: Child, stdout: Output, stderr: Output) -> io::Result<Process> {
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let reaped = Arc::new(Mutex::new(false));
        let (tell, end) = watch::channel(None);
        let process = Process { pid, reaped: reaped.clone(), end };
        std::thread::Builder::new().name("driver-end".to_owned()).spawn(move || {
            let status = end_of(child, pid, &reaped);
            stdout.settle();
            stderr.settle();
            let said = stderr.last_lines();
            let last_lines = if said.is_empty() { stdout.last_lines() } else { said };
            tell.send_replace(Some(Ended {
                code: status.and_then(|status| status.code()),
                signal: status.and_then(|status| status.signal()),
                last_lines,
            }));
        })?;
        Ok(process)
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn ended(&self) -> Option<Ended> {
        self.end.borrow().clone()
    }

    /// Sends a signal to its process group, if it is still there.
    pub fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            let _ = killpg(Pid::from_raw(self.pid), signal);
        }
    }

    pub async fn ended_within(&self, patience: Duration) -> Option<Ended> {
        let mut end = self.end.clone();
        let waited = tokio::time::timeout(patience, end.wait_for(Option::is_some)).await;
        waited.ok()?.ok()?.clone()
    }

    pub fn await_end_blocking(&self) {
        let begin = Instant::now();
        while self.ended().is_none() && begin.elapsed() < DYING_AT_THE_END {
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}

/// Waits until a child has ended, ends what it left of its process group, and collects it.
fn end_of(mut child: Child, pid: i32, reaped: &Mutex<bool>) -> Option<ExitStatus> {
    // Not collected yet: as long as it is a zombie, nobody else gets its number.
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(Pid::from_raw(pid)), flags) == Err(Errno::EINTR) {}
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    *reaped = true;
    child.wait().ok()
}
