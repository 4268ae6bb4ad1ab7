//! What the process of a container does, by its command: that of the guest program is played.

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
        ["/guest", ..] => (Program::Waits(0), Some("ready".to_owned())),
        [..] => (Program::Missing, None),
    }
}
