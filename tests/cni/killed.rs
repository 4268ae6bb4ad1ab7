//! A run that is killed or interrupted: nothing of it is left, and the machine is as it was.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    harness::Bench,
    misbehaving::processes_with,
    plugins::{answering, config, delegate},
};

/// What a user would notice: links, mounts, and files where plugins keep state.
fn machine() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let links = std::fs::read_dir("/sys/class/net").expect("there is /sys");
    seen.extend(links.flatten().map(|link| format!("link {}", link.file_name().to_string_lossy())));
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("there is /proc");
    seen.extend(mounts.lines().map(|mount| format!("mount {mount}")));
    for folder in ["/run/netns", "/run/cni", "/var/lib/cni", "/run/stdcheck-delegate"] {
        if Path::new(folder).exists() {
            seen.insert(format!("folder {folder}"));
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        seen.extend(entries.map(|entry| format!("file {}", entry.path().display())));
    }
    seen
}

/// Until nothing of a test runs any more; the kernel takes namespaces down in its own time.
fn await_the_end(bench: &Bench) {
    let begin = Instant::now();
    while !processes_with(bench).is_empty() {
        let left = processes_with(bench);
        assert!(begin.elapsed() < Duration::from_secs(20), "still there: {left:?}");
        std::thread::yield_now();
    }
}

#[test]
fn nothing_runs_on_after_kill_9() {
    let bench = Bench::new();
    let marker = bench.file("in-the-middle");
    let body = format!("touch {}; (sleep 1000) & sleep 1000", marker.display());
    let plugin = answering(&bench, "slow", &body).display().to_string();
    let config = config(&bench).display().to_string();
    let before = machine();
    let arguments = ["cni", &plugin, "--config", &config, "--kind", "ipam", "-j", "4"];
    let mut child = bench.command(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while !marker.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the plugin was never executed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    await_the_end(&bench);
    assert_eq!(machine(), before);
}

#[test]
fn ctrl_c_ends_a_run_in_order() {
    let bench = Bench::new();
    let marker = bench.file("in-the-middle");
    let body = format!("touch {}; sleep 1000", marker.display());
    let plugin = answering(&bench, "slow", &body).display().to_string();
    let config = config(&bench).display().to_string();
    let arguments =
        ["cni", &plugin, "--config", &config, "--kind", "ipam", "--step-timeout", "5s", "-j", "2"];
    let child = bench.command(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let begin = Instant::now();
    while !marker.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the plugin was never executed");
        std::thread::yield_now();
    }
    kill(pid, Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    await_the_end(&bench);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_whole_run_leaves_the_machine_as_it_was() {
    let bench = Bench::new();
    let plugin = delegate(&bench).display().to_string();
    let config = config(&bench).display().to_string();
    let before = machine();
    let told = bench.stdcheck(["cni", &plugin, "--config", &config, "--kind", "ipam", "-j", "4"]);
    assert!([0, 1].contains(&told.code), "{told:?}");
    await_the_end(&bench);
    assert_eq!(machine(), before);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}
