//! Executing programs side by side, in one thread: all pipes are waited for together.

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    poll::{PollFd, PollFlags, PollTimeout, ppoll},
    sys::{
        signal::{Signal, killpg},
        time::TimeSpec,
    },
    unistd::{Pid, read, write},
};

use super::children::{Children, End};
use crate::stage::wire::{Bytes, Executed, Execution};

/// How long outputs may stay open after their program has ended.
const HELD: Duration = Duration::from_secs(2);
/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(5);
/// How soon a dribbled byte is looked after: no event tells that a pipe was emptied.
const DRIBBLE: Duration = Duration::from_micros(50);
const CHUNK: usize = 64 * 1024;

/// Executes all, and waits for all.
pub fn execute(children: &mut Children, executions: Vec<Execution>) -> Vec<Executed> {
    let mut all: Vec<_> =
        executions.into_iter().map(|execution| Running::start(children, execution)).collect();
    let mut buffer = vec![0; CHUNK];
    loop {
        children.collect();
        let now = Instant::now();
        let due: Vec<_> =
            all.iter_mut().filter_map(|running| running.step(children, now)).collect();
        let Some(first) = due.into_iter().min() else { break };
        let mut polled = vec![PollFd::new(children.bell(), PollFlags::POLLIN)];
        for running in &all {
            polled.extend(running.polled());
        }
        let patience = TimeSpec::from(first.saturating_duration_since(Instant::now()));
        // An interruption is as good as an event.
        let _ = ppoll(&mut polled, Some(patience), None);
        drop(polled);
        for running in &mut all {
            running.transfer(&mut buffer);
        }
    }
    all.into_iter().map(|running| running.done).collect()
}

/// One execution and what it has come to.
struct Running {
    pid: i32,
    begun: Instant,
    dies_at: Instant,
    ended_at: Option<Instant>,
    over: bool,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    written: usize,
    asked: Execution,
    done: Executed,
}

impl Running {
    fn start(children: &mut Children, asked: Execution) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let begun = Instant::now();
        let mut running = Self {
            pid: 0,
            begun,
            dies_at: begun + Duration::from_millis(asked.timeout_ms),
            ended_at: None,
            over: false,
            stdin: None,
            stdout: None,
            stderr: None,
            written: 0,
            asked,
            done: Executed {
                started: u64::try_from(wall.as_nanos()).unwrap_or_default(),
                ..Executed::default()
            },
        };
        if let Err(error) = running.spawn(children) {
            running.done.refused =
                Some(format!("cannot execute {}: {error}", running.asked.program.display()));
            running.over = true;
        }
        running
    }

    fn spawn(&mut self, children: &mut Children) -> io::Result<()> {
        let mut child = Command::new(&self.asked.program)
            .args(&self.asked.args)
            .env_clear()
            .envs(self.asked.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        self.pid = child.id().cast_signed();
        children.await_end(self.pid);
        self.stdin = child.stdin.take().map(OwnedFd::from);
        self.stdout = child.stdout.take().map(OwnedFd::from);
        self.stderr = child.stderr.take().map(OwnedFd::from);
        for pipe in [&self.stdin, &self.stdout, &self.stderr].into_iter().flatten() {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        if self.asked.stdin.0.is_empty() {
            self.stdin = None;
        }
        Ok(())
    }

    /// Looks what time and the process have done; when to look again, or `None` if it is over.
    fn step(&mut self, children: &mut Children, now: Instant) -> Option<Instant> {
        if self.over {
            return None;
        }
        if self.ended_at.is_none()
            && let Some(end) = children.end(self.pid)
        {
            match end {
                End::Exit(code) => self.done.exit = Some(code),
                End::Signal(number) => self.done.signal = Some(number),
            }
            self.ended_at = Some(now);
            // Whatever it wrote before it ended is in the pipes by now.
            self.transfer(&mut vec![0; CHUNK]);
        }
        if let Some(ended_at) = self.ended_at {
            let quiet = self.stdout.is_none() && self.stderr.is_none();
            self.done.held_open = !quiet && now >= ended_at + HELD;
            if quiet || self.done.held_open {
                self.finish();
                return None;
            }
            return Some(ended_at + HELD);
        }
        if !self.done.timed_out && now >= self.dies_at {
            self.done.timed_out = true;
            self.dies_at = now + DYING;
            // It may have ended this moment.
            let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        } else if self.done.timed_out && now >= self.dies_at {
            children.forget(self.pid);
            self.finish();
            return None;
        }
        let dribbles = self.asked.dribble && self.stdin.is_some();
        Some(if dribbles { self.dies_at.min(now + DRIBBLE) } else { self.dies_at })
    }

    fn finish(&mut self) {
        self.over = true;
        self.done.elapsed_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.stdin, self.stdout, self.stderr) = (None, None, None);
    }

    fn polled(&self) -> impl Iterator<Item = PollFd<'_>> {
        let outputs = [&self.stdout, &self.stderr].into_iter().flatten();
        let readable = outputs.map(|output| PollFd::new(output.as_fd(), PollFlags::POLLIN));
        // A dribbled pipe can always be written to, so that waiting for it would never wait.
        let input = self.stdin.as_ref().filter(|_| !self.asked.dribble);
        readable.chain(input.map(|input| PollFd::new(input.as_fd(), PollFlags::POLLOUT)))
    }

    fn transfer(&mut self, buffer: &mut [u8]) {
        self.give();
        let cap = self.asked.cap;
        let cut = &mut self.done.cut;
        take(&mut self.stdout, &mut self.done.stdout, cap, cut, buffer);
        take(&mut self.stderr, &mut self.done.stderr, cap, cut, buffer);
    }

    fn give(&mut self) {
        let Some(pipe) = &self.stdin else { return };
        let rest = &self.asked.stdin.0[self.written..];
        let next = if self.asked.dribble {
            if !is_empty(pipe) {
                return;
            }
            &rest[..rest.len().min(1)]
        } else {
            rest
        };
        match write(pipe, next) {
            Ok(written) => self.written += written,
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            // Nobody reads it any more, which is the program's own affair.
            Err(_) => self.written = self.asked.stdin.0.len(),
        }
        if self.written == self.asked.stdin.0.len() {
            self.stdin = None;
        }
    }
}

/// Reads what is there, a piece at a time so that a flood keeps nothing else from being looked at.
fn take(from: &mut Option<OwnedFd>, to: &mut Bytes, cap: usize, cut: &mut bool, buffer: &mut [u8]) {
    for _ in 0..16 {
        let Some(pipe) = from else { return };
        match read(pipe, buffer) {
            Ok(0) => *from = None,
            Ok(count) => {
                let room = cap.saturating_sub(to.0.len()).min(count);
                to.0.extend(&buffer[..room]);
                *cut |= room < count;
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return,
            Err(_) => *from = None,
        }
    }
}

/// Whether the reader of a pipe has taken all that was written.
fn is_empty(pipe: &OwnedFd) -> bool {
    let mut unread: libc::c_int = 0;
    // SAFETY: the call writes one number to where it is told.
    let asked = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut unread) };
    asked != 0 || unread == 0
}

/// Waits for a descriptor, at most until then; whether something happened.
pub fn wait(polled: &mut [PollFd<'_>], until: Instant) -> bool {
    let patience = TimeSpec::from(until.saturating_duration_since(Instant::now()));
    matches!(ppoll(polled, Some(patience), None), Ok(1..))
}

/// Waits for events of several descriptors for ever.
pub fn wait_for_ever(polled: &mut [PollFd<'_>]) {
    // An interruption is as good as an event.
    let _ = nix::poll::poll(polled, PollTimeout::NONE);
}
