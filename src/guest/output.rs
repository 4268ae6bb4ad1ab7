//! Lines to stdout and stderr, each written whole and at once.

use std::io::Write;

use crate::Failure;

/// Writes the bytes and a newline to stdout.
pub fn to_stdout(line: &[u8]) -> Result<(), Failure> {
    write(std::io::stdout().lock(), line)
}

/// Writes the bytes and a newline to stderr.
pub fn to_stderr(line: &[u8]) -> Result<(), Failure> {
    write(std::io::stderr().lock(), line)
}

/// Says on stdout that the command waits now: `ready`, and the detail if there is one.
///
/// A sandbox's stdout may lead nowhere, and that must not end it: a failure to write is no failure here.
pub fn ready(detail: &str) {
    let _ = to_stdout(format!("ready {detail}").trim_end().as_bytes());
}

fn write(mut to: impl Write, line: &[u8]) -> Result<(), Failure> {
    // One write for text and newline: the log of a runtime keeps a time per write.
    let whole = [line, b"\n"].concat();
    to.write_all(&whole).and_then(|()| to.flush()).map_err(|_| Failure::Output)
}
