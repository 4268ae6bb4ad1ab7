//! From the start of the process to its first connection, over a bare fork and exec.

use std::{
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::STDCHECK;

const STARTS: usize = 30;

/// Starts each as often, in turn, and prints the medians.
pub fn print(folder: &Path) {
    let socket = folder.join("start-up.sock");
    let listener = UnixListener::bind(&socket).expect("the folder is ours");
    let mut connected = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        Command::new("/bin/true").status().expect("there is a true");
        bare.push(begin.elapsed());
        let begin = Instant::now();
        let mut child = Command::new(STDCHECK)
            .args(["cri", "--socket"])
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was built");
        drop(listener.accept().expect("it connects"));
        connected.push(begin.elapsed());
        child.kill().expect("it is ours");
        child.wait().expect("it was killed");
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
