//! The answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Bytes, View};

/// The answers of a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It is done, and there is nothing to tell.
    Done,
    Executed(Vec<Executed>),
    View(Box<View>),
    Changes(Changes),
    Bytes(Bytes),
    Paths(Vec<PathBuf>),
    Stated(Option<Stated>),
    Text(String),
    Connected(Connected),
    Pinged(Pinged),
    Measured(Measured),
    Daemon {
        id: u64,
    },
    Stopped(Stopped),
    Appeared(bool),
}

/// How an execution ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Executed {
    /// Why the system did not start the program at all.
    pub refused: Option<String>,
    pub exit: Option<i32>,
    pub signal: Option<i32>,
    /// It was killed at its time limit.
    pub timed_out: bool,
    /// It had ended, and something kept its stdout or stderr open for two seconds more.
    pub held_open: bool,
    pub stdout: Bytes,
    pub stderr: Bytes,
    /// An output was longer than what was kept.
    pub cut: bool,
    /// Until it had ended and its output was read.
    pub elapsed_us: u64,
    /// Nanoseconds since 1970.
    pub started: u64,
}

/// What is different since a mark: sentences for people, each naming the thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Links, addresses, routes, routing rules and queues of the host.
    pub host: Vec<String>,
    /// The same of the namespaces that were there at the mark and still are.
    pub containers: Vec<String>,
    /// Packet filter rules, chains and sets.
    pub rules: Vec<String>,
    /// Paths in the state folders, and mounts.
    pub files: Vec<String>,
    pub processes: Vec<String>,
}

impl Changes {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// All sentences.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let parts = [&self.host, &self.containers, &self.rules, &self.files, &self.processes];
        parts.into_iter().flatten().map(String::as_str)
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// `file`, `folder`, `link`, `socket`, `pipe` or `device`.
    pub kind: String,
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    pub inode: u64,
    pub user: u32,
    pub group: u32,
}

/// Whether a connection came through.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Connected {
    /// Both ends saw it; by UDP: the listener heard, and its answer came back.
    pub through: bool,
    /// The listener saw something, whatever became of the answer.
    pub heard: bool,
    /// The address and port from which the listener saw it come.
    pub seen_peer: Option<String>,
    /// Why it did not come through.
    pub why: Option<String>,
}

/// Whether an echo came back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pinged {
    pub through: bool,
    /// Between the first request and the answer.
    pub elapsed_us: u64,
    pub why: Option<String>,
}

/// How fast bytes came through.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    pub bits_per_second: u64,
    /// How many came through before the time was over.
    pub bytes: u64,
    pub elapsed_us: u64,
}

/// How a daemon ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stopped {
    /// It had ended before it was asked to.
    pub already: bool,
    /// SIGTERM was not enough.
    pub killed: bool,
    pub exit: Option<i32>,
    pub signal: Option<i32>,
    /// What it wrote, up to a limit.
    pub output: Bytes,
}
