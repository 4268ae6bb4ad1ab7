//! Runs stdcheck once and reads what it cost.
//!
//! A process knows only the greatest memory of all its children, so each run gets a parent of its own:
//! this program once more.

use std::process::{Command, Stdio};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use serde_json::Value;

use crate::STDCHECK;

/// Asks this program to be the parent of a run.
const ASKED: &str = "--be-the-parent-of";

/// What a run cost.
pub struct Measured {
    pub code: i64,
    pub checks: usize,
    pub wall_ms: f64,
    pub target_ms: f64,
    pub own_ms: f64,
    /// What the processor worked for it; unlike `own_ms` it does not grow with what else is running.
    pub cpu_ms: f64,
    /// The most memory that it held at once, MB.
    pub peak_mb: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} checks, wall {:.1} s, target {:.1} s, own {:.0} ms ({:.2} % of wall), cpu {:.0} ms, {:.1} MB, \
             exit code {}",
            self.checks,
            self.wall_ms / 1e3,
            self.target_ms / 1e3,
            self.own_ms,
            100.0 * self.own_ms / self.wall_ms,
            self.cpu_ms,
            self.peak_mb,
            self.code
        )
    }
}

/// Runs a checking command of stdcheck with these arguments.
pub fn run(command: &str, arguments: &[&str]) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let parent = Command::new(std::env::current_exe().expect("a process knows its program"))
        .args([ASKED, STDCHECK, command])
        .args(arguments)
        .arg("--report")
        .arg(format!("json={}", report.display()))
        .stdin(Stdio::null())
        .output()
        .expect("it can be started again");
    let said = String::from_utf8_lossy(&parent.stdout);
    let complaint = String::from_utf8_lossy(&parent.stderr);
    let said: Vec<i64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [code, cpu, peak] = said.as_slice() else { panic!("{complaint}") };
    let text = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("{complaint}"));
    let report: Value = serde_json::from_str(&text).expect("it is JSON");
    let ms = |name: &str| report["time"][name].as_f64().expect("a number");
    Measured {
        code: *code,
        checks: report["checks"].as_array().expect("a list").len(),
        wall_ms: ms("wall_ms"),
        target_ms: ms("target_ms"),
        own_ms: ms("own_ms"),
        cpu_ms: *cpu as f64 / 1e3,
        peak_mb: *peak as f64 * 1024.0 / 1e6,
    }
}

/// Whether this process is to be a parent.
pub fn is_asked() -> bool {
    std::env::args().nth(1).is_some_and(|argument| argument == ASKED)
}

/// Runs the command that was named, and says how it ended, its microseconds of cpu and its KiB of memory.
pub fn answer() {
    let mut words = std::env::args().skip(2);
    let program = words.next().expect("a program");
    let status =
        Command::new(program).args(words).stdout(Stdio::null()).status().expect("it was built");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system knows");
    let cpu = usage.user_time() + usage.system_time();
    println!("{} {} {}", status.code().unwrap_or(-1), cpu.num_microseconds(), usage.max_rss());
}
