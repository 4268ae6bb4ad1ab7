//! What the process of a container does, by its command: that of the guest program is played.

use std::time::Duration;

/// How a process lives and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Waits, and exits with this code when it is told to end.
    Waits(i32),
    /// Ends only when it is killed.
    Stubborn,
    /// Ends at once with this code.
    Ends(i32),
    /// Takes more memory than it may.
    Hogs,
    /// There is no such file.
    Missing,
}

/// What is played for these words, and what it writes to its log at its start.
pub fn of(words: &[String]) -> (Program, Option<String>) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let code = |word: Option<&&str>| word.and_then(|word| word.parse().ok()).unwrap_or(64);
    match words.as_slice() {
        // An image of which nothing is known.
        [] => (Program::Waits(0), None),
        ["/guest", "exit", rest @ ..] => (Program::Ends(code(rest.first())), None),
        ["/guest", "echo", rest @ ..] => (Program::Ends(0), Some(rest.join(" "))),
        ["/guest", "both", out, _, rest @ ..] => {
            (Program::Ends(code(rest.first())), Some((*out).to_owned()))
        }
        ["/guest", "ignore-signals"] => (Program::Stubborn, Some("ready".to_owned())),
        ["/guest", "exit-on-signal", rest @ ..] => {
            (Program::Waits(code(rest.first())), Some("ready".to_owned()))
        }
        ["/guest", "hog", ..] => (Program::Hogs, None),
        ["/guest", "stderr" | "print" | "ruler", ..] => (Program::Ends(0), None),
        ["/guest", "count", ..] => (Program::Waits(0), None),
        ["/guest", ..] => (Program::Waits(0), Some("ready".to_owned())),
        [..] => (Program::Missing, None),
    }
}

/// What a command leaves behind when it has come to its own end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit_code: i32,
}

impl Printed {
    fn line(mut self, stream: &str, line: &str) -> Printed {
        self.add(stream, format!("{line}\n").as_bytes());
        self
    }

    /// `stream` is `stdout`, `stderr` or `both`.
    fn add(&mut self, stream: &str, bytes: &[u8]) {
        if stream != "stderr" {
            self.stdout.extend(bytes);
        }
        if stream != "stdout" {
            self.stderr.extend(bytes);
        }
    }

    fn exits(self, exit_code: i32) -> Printed {
        Printed { exit_code, ..self }
    }
}

/// What a guest command prints, and for how long it runs, where that does not depend on its container.
pub fn printed(words: &[&str]) -> Option<(Printed, Duration)> {
    let nothing = Printed::default();
    let code = |word: &str| word.parse().unwrap_or(64);
    let at_once = |printed| Some((printed, Duration::ZERO));
    match words {
        ["/guest", "exit", word] => at_once(nothing.exits(code(word))),
        ["/guest", "echo", rest @ ..] => at_once(nothing.line("stdout", &rest.join(" "))),
        ["/guest", "stderr", rest @ ..] => at_once(nothing.line("stderr", &rest.join(" "))),
        ["/guest", "both", out, err, word] => {
            at_once(nothing.line("stdout", out).line("stderr", err).exits(code(word)))
        }
        ["/guest", "print", pairs @ ..] => {
            let mut printed = nothing;
            for pair in pairs.chunks(2) {
                printed.add(pair[0], &unescaped(pair[1]));
            }
            at_once(printed)
        }
        ["/guest", "ruler", stream, length] => {
            at_once(nothing.line(stream, &ruler(length.parse().unwrap_or(0))))
        }
        ["/guest", "leave-child", _, ..] => at_once(nothing.line("stdout", "child 21")),
        ["/guest", "sleep", seconds, ..] => {
            let lasts = Duration::from_secs_f64(seconds.parse().unwrap_or(0.0));
            Some((
                nothing.line("stdout", "ready").line("stdout", &format!("slept {seconds}")),
                lasts,
            ))
        }
        ["/guest"] | ["/guest", "pause" | "sleep" | "ignore-signals" | "keep-child", ..] => {
            Some((nothing, Duration::MAX))
        }
        _ => None,
    }
}

/// Places in seven digits, each with a blank. Made in blocks: one by one they take seconds for some megabytes.
fn ruler(length: usize) -> String {
    let block: String = (0..10_000).step_by(8).map(|low| format!("#{low:04} ")).collect();
    let mut line = String::new();
    for high in 0.. {
        if line.len() >= length {
            break;
        }
        line += &block.replace('#', &format!("{high:03}"));
    }
    line.truncate(length);
    line
}

/// `\n` is a newline, `\xHH` a byte, and `\\` a backslash.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        (bytes, rest) = match (first, after) {
            (b'\\', [b'n', after @ ..]) => ([bytes, vec![b'\n']].concat(), after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0) as u8;
                ([bytes, vec![digit(high) << 4 | digit(low)]].concat(), after)
            }
            (b'\\', [b'\\', after @ ..]) => ([bytes, vec![b'\\']].concat(), after),
            _ => ([bytes, vec![*first]].concat(), after),
        };
    }
    bytes
}
