//! Of a defect: the process that serves is not the one that was started, which has ended.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    sync::Once,
};

use tokio::io::{Interest, unix::AsyncFd};

/// In the environment of the one that serves.
const MARK: &str = "STDCHECK_REFERENCE_DAEMON";

/// Whether this is the one that serves.
pub fn is_one() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program once more, in a session of its own, and returns when somebody was served: a
/// supervisor that waits for the socket has seen it then.
pub fn leave_one() -> Result<(), String> {
    let told = |error: io::Error| format!("cannot go into the background: {error}");
    let mut command = Command::new(std::env::current_exe().map_err(told)?);
    command.args(std::env::args_os().skip(1)).env(MARK, "1").stdout(Stdio::piped());
    // SAFETY: a single system call between fork and exec.
    unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
    let child = command.spawn().map_err(told)?;
    let mut said = [0];
    match child.stdout.map(|mut stdout| stdout.read(&mut said)) {
        Some(Ok(1)) => Ok(()),
        _ => Err("the process in the background does not serve".to_owned()),
    }
}

/// Tells the process that was started, once.
pub fn say_that_it_serves() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let mut stdout = io::stdout();
        let _ = stdout.write_all(b"\n").and_then(|()| stdout.flush());
    });
}

/// Returns when whoever keeps our log has gone: nobody else would end us.
pub async fn nobody_listens() {
    // SAFETY: standard error is open for as long as the process is there.
    let stderr = unsafe { AsyncFd::register_with_interest(io::stderr(), Interest::ERROR) };
    match stderr {
        Ok(stderr) => drop(stderr.ready(Interest::ERROR).await),
        // A file, say.
        Err(_) => std::future::pending().await,
    }
}
