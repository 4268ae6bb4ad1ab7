//! `leave-child` and `keep-child`: the guest once more, as a child of itself.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::{Failure, Outcome, output, signals};

/// Starts a child that holds stdout and stderr, and does not wait for it.
pub fn leave(words: &[OsString]) -> Outcome {
    start(words, Stdio::inherit)?;
    Ok(0)
}

/// Starts a child that holds no output, and waits for ever.
pub fn keep(words: &[OsString]) -> Outcome {
    start(words, Stdio::null)?;
    signals::wait_for_ever()
}

fn start(words: &[OsString], outputs: fn() -> Stdio) -> Result<(), Failure> {
    let child = Command::new("/proc/self/exe")
        .args(words)
        .stdin(Stdio::null())
        .stdout(outputs())
        .stderr(outputs())
        .spawn()
        .map_err(|error| Failure::Failed(Some(format!("no child: {error}"))))?;
    output::to_stdout(format!("child {}", child.id()).as_bytes())
}
