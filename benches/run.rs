//! Prints what stdcheck costs beside the target: size, start-up, own time. Ratios, not judgements.
//!
//! `cargo bench --bench run`; needs root and `scripts/peers install` for the last part.

use std::{
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const STDCHECK: &str = env!("CARGO_BIN_EXE_stdcheck");
const STARTS: usize = 30;

fn main() {
    // `cargo test --benches` calls with --test: nothing to print then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    size();
    start_up();
    own_time();
}

fn size() {
    let bytes = std::fs::metadata(STDCHECK).map_or(0, |metadata| metadata.len());
    println!("binary: {:.1} MB", bytes as f64 / 1e6);
}

/// From the start of the process to its first connection, over a bare fork and exec.
fn start_up() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut connected = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        Command::new("/bin/true").status().unwrap();
        bare.push(begin.elapsed());
        let begin = Instant::now();
        let mut child = Command::new(STDCHECK)
            .args(["cri", "--socket"])
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(listener.accept().unwrap());
        connected.push(begin.elapsed());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (connected, bare) = (median(connected), median(bare));
    println!(
        "start-up to the first connection: {:.1} ms, {:.1} times a bare fork and exec",
        connected.as_secs_f64() * 1e3,
        connected.as_secs_f64() / bare.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Wall, target and own time of the whole suite on a real containerd, one check at a time.
fn own_time() {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/peers");
    let folder = tempfile::Builder::new().prefix("sc-bench-").tempdir().unwrap();
    let archive = folder.path().join("pause.tar");
    let home = folder.path().join("d");
    let export = Command::new(STDCHECK)
        .args(["cri", "image", "--name", "stdcheck.local/pause:1", "--export"])
        .arg(&archive)
        .output()
        .unwrap();
    assert!(export.status.success());
    let started = Command::new(&peers).arg("start").arg("1.6").arg(&home).arg(&archive).output();
    if !started.is_ok_and(|started| started.status.success()) {
        println!("own time: skipped, no containerd 1.6 (scripts/peers install)");
        return;
    }
    for jobs in ["1", "4"] {
        let report = folder.path().join("report.json");
        let done = Command::new(STDCHECK)
            .args(["cri", "-j", jobs, "--socket"])
            .arg(home.join("containerd.sock"))
            .arg("--report")
            .arg(format!("json={}", report.display()))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        let text = std::fs::read_to_string(&report).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ms = |name: &str| json["time"][name].as_f64().unwrap_or(f64::NAN);
        println!(
            "whole suite at -j {jobs}: wall {:.1} s, target {:.1} s, own {:.0} ms ({:.2} % of wall), {done}",
            ms("wall_ms") / 1e3,
            ms("target_ms") / 1e3,
            ms("own_ms"),
            100.0 * ms("own_ms") / ms("wall_ms")
        );
    }
    let stopped = Command::new(&peers).arg("stop").arg(&home).arg("--purge").status();
    assert!(stopped.is_ok_and(|stopped| stopped.success()));
}
