//! Processes that go on beside the executions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::FileExt, unix::process::CommandExt},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, SealFlag, fcntl},
    poll::{PollFd, PollFlags},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, killpg},
    },
    unistd::{Pid, ftruncate},
};

use super::{
    children::{Children, End},
    execution,
};
use crate::stage::wire::{Daemon, Stopped};

/// How long a daemon may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much a daemon can write; what is more is refused to it, so that it cannot fill the memory.
const OUTPUT: i64 = 1 << 20;

/// The daemons of a stage, by the numbers under which they were started.
#[derive(Default)]
pub struct Daemons {
    last: u64,
    all: BTreeMap<u64, (i32, File)>,
}

impl Daemons {
    /// Starts one.
    pub fn start(&mut self, children: &mut Children, daemon: &Daemon) -> Result<u64, String> {
        let told = |error: io::Error| format!("cannot start {}: {error}", daemon.program.display());
        let output = output().map_err(told)?;
        let mut command = Command::new(&daemon.program);
        command
            .args(&daemon.args)
            .env_clear()
            .envs(daemon.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(told)?)
            .stderr(output.try_clone().map_err(told)?)
            .process_group(0);
        let pid = command.spawn().map_err(told)?.id().cast_signed();
        children.await_end(pid);
        self.last += 1;
        self.all.insert(self.last, (pid, output));
        Ok(self.last)
    }

    /// The process ids of all that were not stopped; they lead groups of their own.
    pub fn pids(&self) -> BTreeSet<i32> {
        self.all.values().map(|(pid, _)| *pid).collect()
    }

    /// Ends one.
    pub fn stop(&mut self, children: &mut Children, id: u64) -> Result<Stopped, String> {
        let (pid, output) =
            self.all.remove(&id).ok_or_else(|| format!("there is no daemon {id}"))?;
        children.collect();
        let mut stopped = Stopped::default();
        let mut end = children.end(pid);
        stopped.already = end.is_some();
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if end.is_some() {
                break;
            }
            stopped.killed = signal == Signal::SIGKILL;
            // It may have ended this moment.
            let _ = killpg(Pid::from_raw(pid), signal);
            end = ends(children, pid);
        }
        // What it started itself goes with it.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        match end {
            Some(End::Exit(code)) => stopped.exit = Some(code),
            Some(End::Signal(number)) => stopped.signal = Some(number),
            None => children.forget(pid),
        }
        stopped.output = written(&output).into();
        Ok(stopped)
    }
}

fn ends(children: &mut Children, pid: i32) -> Option<End> {
    let until = Instant::now() + PATIENCE;
    loop {
        children.collect();
        let end = children.end(pid);
        if end.is_some() || Instant::now() >= until {
            return end;
        }
        execution::wait(&mut [PollFd::new(children.bell(), PollFlags::POLLIN)], until);
    }
}

/// A file that stands nowhere and does not grow.
fn output() -> io::Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let output: OwnedFd = memfd_create("output", flags)?;
    ftruncate(&output, OUTPUT)?;
    fcntl(&output, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW))?;
    Ok(File::from(output))
}

fn written(output: &File) -> Vec<u8> {
    let mut bytes = vec![0; OUTPUT as usize];
    let read = output.read_at(&mut bytes, 0).unwrap_or_default();
    bytes.truncate(read);
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}
