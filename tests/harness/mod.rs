//! Runs the stdcheck binary as a user does, and reads what it tells.

// Each test uses a part of it.
#![allow(dead_code)]

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// A folder for one test: sockets, reports, and what stdcheck keeps in its temporary folder.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// An empty one.
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("tmp")).expect("it is ours");
        Bench { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path
    }

    /// The stdcheck binary with these arguments, not yet run.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stdcheck"));
        command
            .args(arguments)
            .env("TMPDIR", self.file("tmp"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs stdcheck to its end.
    pub fn stdcheck<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Told {
        Told::of(&self.command(arguments).output().expect("stdcheck can be run"))
    }

    /// `stdcheck cri` on a socket, with a JSON report.
    pub fn cri(&self, socket: &Path, arguments: &[&str]) -> Told {
        let mut told = self.stdcheck(self.cri_arguments(socket, arguments));
        told.report = self.report();
        told
    }

    /// The arguments of [`Bench::cri`].
    pub fn cri_arguments(&self, socket: &Path, arguments: &[&str]) -> Vec<String> {
        let socket = socket.display().to_string();
        let report = format!("json={}", self.file("out.json").display());
        let mut all: Vec<String> =
            ["cri", "--socket", &socket, "--report", &report].map(str::to_owned).into();
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        all
    }

    /// Takes the JSON report, if there is one.
    pub fn report(&self) -> Value {
        let path = self.file("out.json");
        let Ok(text) = std::fs::read_to_string(&path) else { return Value::Null };
        std::fs::remove_file(&path).expect("the folder is ours");
        serde_json::from_str(&text).expect("the report is JSON")
    }

    /// What runs left in the temporary folder.
    pub fn leftovers(&self) -> Vec<String> {
        std::fs::read_dir(self.file("tmp"))
            .expect("it was made")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// How a run of stdcheck ended.
#[derive(Debug)]
pub struct Told {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The JSON report; null if there is none.
    pub report: Value,
}

impl Told {
    /// Of a process that ended.
    pub fn of(output: &Output) -> Told {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Told {
            code: output.status.code().expect("it ended by itself"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            report: Value::Null,
        }
    }

    /// The entry of a check in the report.
    pub fn check(&self, id: &str) -> &Value {
        self.checks()
            .iter()
            .find(|check| check["id"] == id)
            .unwrap_or_else(|| panic!("no {id} in the report; {}", self.stderr))
    }

    /// The checks of the report.
    pub fn checks(&self) -> &[Value] {
        self.report["checks"].as_array().unwrap_or_else(|| panic!("no report: {self:?}"))
    }

    /// Slug and verdict of each check.
    pub fn verdicts(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        self.checks().iter().map(|check| (text(&check["id"]), text(&check["verdict"]))).collect()
    }

    /// The slugs with a verdict, each with its reason, for messages.
    pub fn with_verdict(&self, verdict: &str) -> Vec<(&str, &str)> {
        self.checks()
            .iter()
            .filter(|check| check["verdict"] == verdict)
            .map(|check| {
                (check["id"].as_str().expect("text"), check["reason"].as_str().unwrap_or_default())
            })
            .collect()
    }

    /// The slugs with a verdict.
    pub fn ids(&self, verdict: &str) -> Vec<&str> {
        self.with_verdict(verdict).into_iter().map(|(id, _)| id).collect()
    }

    /// The one line on standard error.
    pub fn message(&self) -> &str {
        let message = self.stderr.trim_end();
        assert!(!message.is_empty() && !message.contains('\n'), "not one line: {self:#?}");
        message
    }
}

/// A run of stdcheck that is under way.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

impl Running {
    /// Starts a command.
    pub fn start(mut command: Command) -> Running {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("stdcheck can be run");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Running { child, stderr, seen: String::new() }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("it still runs");
    }

    /// Waits until it says something on standard error.
    pub fn hear(&mut self, words: &str) {
        while !self.seen.contains(words) {
            let read = self.stderr.read_line(&mut self.seen).expect("text");
            assert!(read > 0, "it never says `{words}`: {}", self.seen);
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Told {
        while self.stderr.read_line(&mut self.seen).expect("text") > 0 {}
        let status = self.child.wait().expect("it ends");
        Told {
            code: status.code().expect("it ended by itself"),
            stdout: String::new(),
            stderr: self.seen,
            report: Value::Null,
        }
    }
}

/// Does the same for each, so many side by side; the results are in the order of what is given.
pub fn each<T: Sync, R: Send>(all: &[T], beside: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<R>>> = all.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..beside.min(all.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(one) = all.get(at) else { return };
                    let result = work(one);
                    *done[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .map(|result| result.expect("each was done"))
        .collect()
}
