//! Processes that end. The stage's first process is the parent of every orphan, too; so ended processes
//! are collected in one place only, and whoever waits for one finds its end here.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
};

use nix::{
    fcntl::OFlag,
    libc,
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, pipe2, read},
};

/// Where the signal handler writes, because it may do little else.
static BELL: AtomicI32 = AtomicI32::new(-1);

extern "C" fn ring(_: libc::c_int) {
    // SAFETY: write is allowed in a signal handler, and errno is put back.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(BELL.load(Ordering::Relaxed), [0_u8].as_ptr().cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
}

/// All child processes, ours and adopted ones.
#[derive(Debug)]
pub struct Children {
    bell: OwnedFd,
    /// Those that somebody will ask for; `None` while they run.
    awaited: BTreeMap<i32, Option<End>>,
}

impl Children {
    /// Begins to hear of processes that end. Once in a process: a signal has one handler.
    pub fn watch() -> io::Result<Self> {
        let (bell, ringer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // Open as long as the process lives, as the handler is there as long.
        BELL.store(ringer.into_raw_fd(), Ordering::Relaxed);
        let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
        let action = SigAction::new(SigHandler::Handler(ring), flags, SigSet::empty());
        // SAFETY: the handler does nothing but what is allowed in one.
        unsafe { sigaction(Signal::SIGCHLD, &action)? };
        Ok(Self { bell, awaited: BTreeMap::new() })
    }

    /// Becomes readable when a process ended.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Keeps the end of a child for `end`. To be called before the next `collect`.
    pub fn await_end(&mut self, pid: i32) {
        self.awaited.insert(pid, None);
    }

    /// Collects whoever has ended.
    pub fn collect(&mut self) {
        let mut rings = [0; 64];
        while matches!(read(&self.bell, &mut rings), Ok(1..)) {}
        loop {
            let (pid, end) = match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, End::Exit(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, End::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) | Err(nix::Error::ECHILD) => return,
                Err(nix::Error::EINTR) | Ok(_) => continue,
                Err(_) => return,
            };
            if let Some(end_of_it) = self.awaited.get_mut(&pid.as_raw()) {
                *end_of_it = Some(end);
            }
        }
    }

    /// How the child ended; told once.
    pub fn end(&mut self, pid: i32) -> Option<End> {
        let end = (*self.awaited.get(&pid)?)?;
        self.awaited.remove(&pid);
        Some(end)
    }

    /// Nobody asks for that child any more.
    pub fn forget(&mut self, pid: i32) {
        self.awaited.remove(&pid);
    }
}
