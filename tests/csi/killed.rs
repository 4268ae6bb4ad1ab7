//! A run that is killed or interrupted: `clean` takes away what it made, and nothing else.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    driver::{Driver, missing, traces_of},
    harness::Bench,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the suite until the driver holds more than before, and then sends a signal.
fn cut(bench: &Bench, driver: &Driver, signal: Signal) {
    let before = driver.holds();
    let mut child = bench
        .command(["csi", "--endpoint", &driver.endpoint(), "--select", "section:CSI-NODE"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("stdcheck can be run");
    let begin = Instant::now();
    // A trial volume comes and goes first; what is mounted is of a check.
    while traces_of(bench).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "it makes nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(driver.holds().len() >= before.len());
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    kill(pid, signal).expect("it still runs");
    child.wait().expect("it ends");
}

#[test]
fn clean_finds_what_a_killed_run_made() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let driver = Driver::start(&bench, &["--foreign-volumes=20", "--foreign-snapshots=20"]);
    let before = driver.holds();
    cut(&bench, &driver, Signal::SIGKILL);
    assert_eq!(bench.leftovers().len(), 1, "its folder, by which clean knows it");
    let told = bench.stdcheck(["csi", "clean", "--endpoint", &driver.endpoint()]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(driver.holds(), before);
    assert_eq!(traces_of(&bench), Vec::<String>::new());
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    let again = bench.stdcheck(["csi", "clean", "--endpoint", &driver.endpoint()]);
    assert!(again.stdout.contains("nothing of a run that died here is left"), "{again:?}");
}

#[test]
fn ctrl_c_leaves_nothing() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let driver = Driver::start(&bench, &[]);
    let before = driver.holds();
    cut(&bench, &driver, Signal::SIGINT);
    assert_eq!(driver.holds(), before);
    assert_eq!(traces_of(&bench), Vec::<String>::new());
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_driver_that_we_started_ends_with_a_killed_run() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let stdcheck = env!("CARGO_BIN_EXE_stdcheck");
    let mut child = bench
        .command(["csi", "--select", "section:CSI-NODE", "--driver", stdcheck, "--"])
        .args(["reference", "csi", "--endpoint={endpoint}", "--state={state}"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("stdcheck can be run");
    let begin = Instant::now();
    while traces_of(&bench).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "it makes nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it still runs");
    child.wait().expect("it ends");
    let begin = Instant::now();
    // The kernel ends the driver, its namespace and its loop devices in its own time.
    while !traces_of(&bench).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "still there: {:?}", traces_of(&bench));
        std::thread::sleep(Duration::from_millis(5));
    }
}
