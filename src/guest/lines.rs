//! `print`, `ruler` and `count`: output of every shape, for what becomes of it in a log.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::{Failure, Outcome, output};

/// Where output goes.
#[derive(Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// The streams that a word names: `stdout`, `stderr` or `both`.
    fn named(word: &OsStr) -> Result<&'static [Self], Failure> {
        match word.to_str() {
            Some("stdout") => Ok(&[Self::Stdout]),
            Some("stderr") => Ok(&[Self::Stderr]),
            Some("both") => Ok(&[Self::Stdout, Self::Stderr]),
            _ => Err(Failure::Usage(format!("{} is not stdout, stderr or both", word.display()))),
        }
    }

    fn line(self, line: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => output::to_stdout(line),
            Self::Stderr => output::to_stderr(line),
        }
    }

    fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => output::bytes_to_stdout(bytes),
            Self::Stderr => output::bytes_to_stderr(bytes),
        }
    }
}

/// Writes texts as they are, one after the other, without a newline of their own. In a text `\n` is a
/// newline, `\xHH` a byte, and `\\` a backslash.
pub fn print(pairs: &[OsString]) -> Outcome {
    if !pairs.len().is_multiple_of(2) {
        return Err(Failure::Usage("print takes pairs of STREAM and TEXT".into()));
    }
    for pair in pairs.chunks(2) {
        let bytes = unescaped(pair[1].as_bytes())?;
        for stream in Stream::named(&pair[0])? {
            stream.bytes(&bytes)?;
        }
    }
    Ok(0)
}

fn unescaped(text: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::Usage(format!("a wrong escape in {}", text.escape_ascii()));
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let [kind, after @ ..] = rest else { return Err(wrong()) };
        rest = after;
        match kind {
            b'n' => bytes.push(b'\n'),
            b'\\' => bytes.push(b'\\'),
            b'x' => {
                let (digits, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
                rest = after;
                let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(bytes)
}

/// Writes one long line on which every place says where it is: seven digits and a blank, over and over, the number
/// being the place of its first digit. Cut off at `length`, and a newline.
pub fn ruler(stream: &OsStr, length: usize) -> Outcome {
    let mut line: Vec<u8> =
        (0..length).step_by(8).flat_map(|at| format!("{at:07} ").into_bytes()).collect();
    line.truncate(length);
    for stream in Stream::named(stream)? {
        stream.line(&line)?;
    }
    Ok(0)
}

/// Writes the lines `line 0000001` to `line COUNT`, as fast as they are taken or with a pause after each. With two
/// streams each has all of them.
pub fn count(stream: &OsStr, lines: usize, pause: Option<Duration>) -> Outcome {
    let streams = Stream::named(stream)?;
    for number in 1..=lines {
        let line = format!("line {number:07}");
        for stream in streams {
            stream.line(line.as_bytes())?;
        }
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
    }
    Ok(0)
}
