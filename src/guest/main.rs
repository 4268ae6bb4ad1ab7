//! The guest: the one program inside every image that stdcheck makes.
//!
//! It uses nothing but std and is linked statically, so that an image needs no other file. `build/guest.rs` compiles
//! it. It shows what a container looks like from within, and behaves in the ways that checks need.
//!
//! | arguments | does |
//! |---|---|
//! | none, or `pause` | waits for a signal; orphans are reaped. This is the sandbox image |
//! | `sleep [SECONDS [NAME]]` | waits; for ever without SECONDS (a decimal fraction is allowed), then prints `slept SECONDS`. NAME is there to be found by |
//! | `exit CODE` | exits with CODE, 0 to 255 |
//! | `ignore-signals [NAME]` | ignores every signal that can be ignored, and waits for ever |
//! | `exit-on-signal CODE` | at the first signal that can be caught prints `signal NAME` and exits with CODE |
//! | `report [SYSCTL...]` | one JSON object: the container as the process sees it ([`report`]) |
//! | `processes` | one JSON array: the processes of its PID namespace ([`processes`]) |
//! | `process ID...` | one JSON object: what is known of the processes with these ids, `self` among them ([`processes`]) |
//! | `leave-child COMMAND...` | starts itself with COMMAND as a child that holds stdout and stderr, prints `child PID`, and exits 0 |
//! | `keep-child COMMAND...` | the same, but the child has no output, and its parent waits for ever |
//! | `write PATH TEXT` | replaces the file's contents by TEXT, without a newline ([`files`]) |
//! | `read PATH...`, `ls PATH...`, `stat PATH...` | one JSON object per path ([`files`]) |
//! | `echo TEXT...`, `stderr TEXT...` | the words, joined by blanks, and a newline |
//! | `both OUT ERR CODE` | OUT and a newline to stdout, ERR and a newline to stderr, then exits with CODE |
//! | `print STREAM TEXT [STREAM TEXT...]` | the texts as they are; `\n`, `\xHH` and `\\` are escapes; STREAM is `stdout`, `stderr` or `both` ([`lines`]) |
//! | `ruler STREAM BYTES` | one line of so many bytes on which every place says where it is |
//! | `count STREAM LINES [SECONDS]` | `line 0000001`, `line 0000002`, ..., at full speed or with a pause after each |
//! | `hog BYTES` | takes and touches memory: a line `touched N` every 4 MiB, `ready` at BYTES, then keeps it |
//! | `spin SECONDS` | keeps one processor busy, then prints `spun SECONDS` |
//! | `listen tcp\|udp PORT [ADDRESS]` | echo server, prints `ready ADDRESS:PORT` ([`network`]) |
//! | `connect tcp\|udp ADDRESS PORT TEXT` | sends TEXT and prints the answer and a newline |
//!
//! When `CNI_COMMAND` is set, it is a network plugin that records its calls, whatever its arguments
//! ([`cni`]).
//!
//! Three rules hold for all of them:
//! - SIGTERM and SIGINT end it at once with exit code 0, also as process 1, which the kernel gives no default
//!   actions. `ignore-signals` and `exit-on-signal` are the exceptions.
//! - A command that waits prints a line that begins with `ready` once it can be signalled or spoken to.
//! - Exit codes of its own: 1, what was asked for failed (and the answer says why); 64, it was called wrongly;
//!   74, its output could not be written.

mod children;
mod cni;
mod files;
mod json;
mod lines;
mod load;
mod network;
mod output;
mod processes;
mod report;
mod signals;
mod system;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

/// How a command can end other than by what it was asked to do.
pub enum Failure {
    /// What was asked for did not work; the answer is on stdout already, or this text goes to stderr.
    Failed(Option<String>),
    /// The arguments are wrong.
    Usage(String),
    /// Stdout or stderr took no more.
    Output,
}

/// What a command gives back: its exit code, or how it failed.
pub type Outcome = Result<u8, Failure>;

fn main() -> ExitCode {
    // First of all: until this is done, SIGTERM does nothing to process 1.
    signals::end_on_request();
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (code, message) = match run(&args) {
        Ok(code) => (code, None),
        Err(Failure::Failed(message)) => (1, message),
        Err(Failure::Usage(message)) => (64, Some(message)),
        Err(Failure::Output) => (74, Some("the output could not be written".into())),
    };
    if let Some(message) = message {
        // Nobody is left to be told if stderr fails too.
        let _ = output::to_stderr(format!("guest: {message}").as_bytes());
    }
    ExitCode::from(code)
}

fn run(args: &[OsString]) -> Outcome {
    if let Ok(command) = std::env::var("CNI_COMMAND") {
        return cni::plugin(&command);
    }
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_os_str(), rest),
        None => (OsStr::new("pause"), args),
    };
    match (command.to_str().unwrap_or_default(), rest) {
        ("pause", []) | ("sleep", []) => signals::wait_for_ever(),
        ("sleep", [seconds] | [seconds, _]) => sleep(duration(seconds)?),
        ("exit", [code]) => parse(code, "an exit code from 0 to 255"),
        ("ignore-signals", [] | [_]) => {
            signals::ignore_all();
            signals::wait_for_ever()
        }
        ("exit-on-signal", [code]) => {
            signals::exit_on_any(parse(code, "an exit code from 0 to 255")?)
        }
        ("report", names) => report::print(names),
        ("processes", []) => processes::list(),
        ("process", [_, ..]) => processes::print(rest),
        ("leave-child", [_, ..]) => children::leave(rest),
        ("keep-child", [_, ..]) => children::keep(rest),
        ("write", [path, text]) => files::write(path, text),
        ("read", [_, ..]) => files::read(rest),
        ("ls", [_, ..]) => files::list(rest),
        ("stat", [_, ..]) => files::stat(rest),
        ("echo", words) => output::to_stdout(&joined(words)).map(|()| 0),
        ("stderr", words) => output::to_stderr(&joined(words)).map(|()| 0),
        ("both", [out, err, code]) => {
            output::to_stdout(out.as_encoded_bytes())?;
            output::to_stderr(err.as_encoded_bytes())?;
            parse(code, "an exit code from 0 to 255")
        }
        ("print", [_, _, ..]) => lines::print(rest),
        ("ruler", [stream, bytes]) => lines::ruler(stream, parse(bytes, "a number of bytes")?),
        ("count", [stream, number]) => {
            lines::count(stream, parse(number, "a number of lines")?, None)
        }
        ("count", [stream, number, pause]) => {
            lines::count(stream, parse(number, "a number of lines")?, Some(duration(pause)?))
        }
        ("hog", [bytes]) => load::hog(parse(bytes, "a number of bytes")?),
        ("spin", [seconds]) => load::spin(duration(seconds)?),
        ("listen", [protocol, port]) => network::listen(protocol, parse(port, "a port")?, None),
        ("listen", [protocol, port, address]) => network::listen(
            protocol,
            parse(port, "a port")?,
            Some(parse(address, "an IP address")?),
        ),
        ("connect", [protocol, address, port, text]) => network::connect(
            protocol,
            parse(address, "an IP address")?,
            parse(port, "a port")?,
            text,
        ),
        _ => Err(Failure::Usage(format!(
            "no such command, or wrong arguments: {}",
            args.join(OsStr::new(" ")).display()
        ))),
    }
}

fn sleep(time: Duration) -> Outcome {
    output::ready("");
    std::thread::sleep(time);
    output::to_stdout(format!("slept {}", time.as_secs_f64()).as_bytes())?;
    Ok(0)
}

fn joined(words: &[OsString]) -> Vec<u8> {
    words.join(OsStr::new(" ")).into_encoded_bytes()
}

fn parse<T: FromStr>(text: &OsStr, what: &str) -> Result<T, Failure> {
    text.to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::Usage(format!("{} is not {what}", text.display())))
}

fn duration(text: &OsStr) -> Result<Duration, Failure> {
    let wrong = || Failure::Usage(format!("{} is not a number of seconds", text.display()));
    Duration::try_from_secs_f64(parse(text, "a number of seconds")?).map_err(|_| wrong())
}
