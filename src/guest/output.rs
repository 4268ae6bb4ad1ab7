//! Lines and bytes to stdout and stderr, each written whole and at once.

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

/// Writes the bytes and nothing else to stdout.
pub fn bytes_to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    write_all(std::io::stdout().lock(), bytes)
}

/// Writes the bytes and nothing else to stderr.
pub fn bytes_to_stderr(bytes: &[u8]) -> Result<(), Failure> {
    write_all(std::io::stderr().lock(), bytes)
}

/// Says on stdout that the command waits now: `ready`, and the detail if there is one.
///
/// A sandbox's stdout may lead nowhere, and that must not end it: a failure to write is no failure here.
pub fn ready(detail: &str) {
    let _ = to_stdout(format!("ready {detail}").trim_end().as_bytes());
}

fn write(to: impl Write, line: &[u8]) -> Result<(), Failure> {
    // One write for text and newline: the log of a runtime keeps a time per write.
    write_all(to, &[line, b"\n"].concat())
}

fn write_all(mut to: impl Write, bytes: &[u8]) -> Result<(), Failure> {
    to.write_all(bytes).and_then(|()| to.flush()).map_err(|_| Failure::Output)
}
