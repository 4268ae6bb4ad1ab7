//! What the process of a container does, by its command: that of the guest program is played.

use stdcheck::proto::cri::v1::ContainerConfig;

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

/// The program of a container, and what it writes to its log at its start.
pub fn of(config: &ContainerConfig) -> (Program, Option<String>) {
    let words: Vec<&str> = config.command.iter().chain(&config.args).map(String::as_str).collect();
    let code = |word: Option<&&str>| word.and_then(|word| word.parse().ok()).unwrap_or(64);
    match words.as_slice() {
        // The image's own, which waits.
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
