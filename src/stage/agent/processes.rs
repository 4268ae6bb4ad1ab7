//! The processes on the stage.

use std::{collections::BTreeMap, fs};

use nix::unistd::{Pid, getpgid};

use crate::drive::process::start_time;

/// A process id, and when it started, because ids come again.
pub type Id = (i32, u64);

/// What is told of a process.
#[derive(Debug)]
pub struct Process {
    /// What people call it.
    pub name: String,
    /// The group that it belongs to.
    pub group: i32,
}

/// All but ourselves.
pub fn all() -> BTreeMap<Id, Process> {
    let own = std::process::id().cast_signed();
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own)
        .filter_map(|pid: i32| Some(((pid, start_time(pid)?), process(pid))))
        .collect()
}

fn process(pid: i32) -> Process {
    let group = getpgid(Some(Pid::from_raw(pid))).map_or(pid, Pid::as_raw);
    Process { name: name(pid), group }
}

fn name(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    match line.trim_end() {
        "" => fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned(),
        line => line.chars().take(200).collect(),
    }
}
