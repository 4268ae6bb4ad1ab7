//! The recording delegate: what a plugin under test runs in the place of an IPAM plugin, or of the
//! plugin that it hands everything to.
//!
//! It is this very program under another name, found by the plugin in CNI_PATH. It notes every call
//! in a log and behaves as a plan says, so that a check sees what was forwarded and what becomes of
//! an answer, good or bad. It starts often and beside others of its kind: no runtime, no parser of
//! arguments, one lock on the log.
//!
//! Copies of it also stand in for the network plugins of a container runtime. That chooses their
//! environment, so that their folder stands in their configuration instead.

pub mod answer;
pub mod log;
pub mod plan;

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::run::workspace::{PREFIX, is_id};

pub use self::{
    log::{Call, ENDS_FILE, End, FILE as LOG_FILE, read_ends, read_log},
    plan::{Behaviour, FILE as PLAN_FILE, Mode, Plan},
};

/// The name under which the program is the delegate. `stdcheck-delegate-ANYTHING` is one, too, where
/// a check has to tell several apart.
pub const NAME: &str = "stdcheck-delegate";

/// Where plan and log are inside a stage.
pub const FOLDER: &str = "/run/stdcheck-delegate";

/// Names another folder for plan and log.
pub const FOLDER_VARIABLE: &str = "STDCHECK_DELEGATE_DIR";

/// Names it, too, in the configuration of a plugin that a container runtime executes.
pub const FOLDER_KEY: &str = "stdcheckDelegateDir";

/// What a flood writes: more than anybody wants to keep, and not enough to exhaust a machine.
const FLOOD: usize = 32 << 20;

/// A call that hangs is killed by whoever waits for it; nobody's call lives longer than this.
const HANG: Duration = Duration::from_secs(600);

/// Codes of the specification for what can go wrong here.
mod code {
    pub const INCOMPATIBLE_VERSION: u32 = 1;
    pub const INVALID_ENVIRONMENT: u32 = 4;
    pub const INPUT_OUTPUT: u32 = 5;
    pub const UNDECODABLE: u32 = 6;
}

/// A failure of the delegate itself, told as the specification wants it.
struct Failure {
    code: u32,
    message: String,
}

impl Failure {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Whether a program that was started as `argv0` is the delegate.
pub fn is_named(argv0: &OsStr) -> bool {
    let name = base_name(argv0);
    let delegate = name.strip_prefix(NAME);
    delegate.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        || run_of_plugin(&name).is_some()
}

/// The name of a run's `number`-th plugin in the place of a container runtime's own.
pub fn plugin_name(run: &str, number: usize) -> String {
    format!("{PREFIX}{run}-{number}")
}

/// The run that such a name is of.
pub fn run_of_plugin(name: &str) -> Option<&str> {
    let (run, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    (is_id(run) && number.parse::<usize>().is_ok()).then_some(run)
}

fn base_name(argv0: &OsStr) -> String {
    Path::new(argv0).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// One call: notes it, and does what the plan says. The result is the exit code.
pub fn main(argv0: &OsStr) -> i32 {
    let mut stdin = Vec::new();
    // What could be read is worth noting, even if the rest could not.
    let _ = std::io::stdin().read_to_end(&mut stdin);
    let mut call = Call::of_this_process(base_name(argv0), &stdin);
    match serve(&mut call) {
        Ok(exit) => exit,
        Err(failure) => {
            let error = json!({
                "cniVersion": answer::version_of(call.config.as_ref()),
                "code": failure.code,
                "msg": format!("{}: {}", call.name, failure.message),
            });
            print(&error);
            1
        }
    }
}

fn serve(call: &mut Call) -> Result<i32, Failure> {
    let place = Place::of(call);
    let earlier = match &place {
        // A run that is over wants to know nothing, and what it left must be taken down.
        Place::Runtimes(folder) if !folder.exists() => return Ok(0),
        Place::Nowhere => 0,
        Place::Stages(folder) | Place::Runtimes(folder) => {
            log::append(folder, call).map_err(|error| broken(folder, &error))?
        }
    };
    let behaviour = match place.folder() {
        Some(folder) => Plan::read(folder)
            .map_err(|error| broken(folder, &error))?
            .at(&call.command, earlier + 1),
        None => Behaviour::default(),
    };
    let (exit, printed) = answer(call, &behaviour, earlier, &place)?;
    if let Place::Runtimes(folder) = &place {
        let end = End::now(call, exit, printed);
        log::append_end(folder, &end).map_err(|error| broken(folder, &error))?;
    }
    Ok(exit)
}

fn broken(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::INPUT_OUTPUT, format!("in {}: {error}", folder.display()))
}

/// Where plan and log of a call are.
enum Place {
    /// That of a plugin under test.
    Stages(PathBuf),
    /// That of a container runtime under test, named by the configuration.
    Runtimes(PathBuf),
    /// Nobody named one: a runtime asks for the version without any configuration.
    Nowhere,
}

impl Place {
    fn of(call: &Call) -> Self {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
            return Self::Stages(folder.into());
        }
        let named = call.config.as_ref().and_then(|config| config[FOLDER_KEY].as_str());
        match named {
            Some(folder) => Self::Runtimes(folder.into()),
            None if run_of_plugin(&call.name).is_some() => Self::Nowhere,
            None => Self::Stages(FOLDER.into()),
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Stages(folder) | Self::Runtimes(folder) => Some(folder),
            Self::Nowhere => None,
        }
    }
}

/// Does what a call is told to do; its exit code, and the JSON that it printed.
fn answer(
    call: &Call,
    behaviour: &Behaviour,
    earlier: usize,
    place: &Place,
) -> Result<(i32, Option<Value>), Failure> {
    if let Some(text) = &behaviour.stderr {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    std::thread::sleep(Duration::from_millis(behaviour.delay_ms));

    let exit = |usual| behaviour.exit.unwrap_or(usual);
    Ok(match behaviour.mode {
        Mode::Ok => {
            let result = match (&behaviour.result, place) {
                (Some(result), _) => Some(result.clone()),
                (None, Place::Runtimes(_)) if call.command == "ADD" => {
                    Some(answer::attached(call, earlier)?)
                }
                (None, _) => answer::usual(call, earlier)?,
            };
            if let Some(result) = &result {
                print(result);
            }
            (exit(0), result)
        }
        Mode::Error => {
            let error = answer::error(call, behaviour);
            print(&error);
            (exit(1), Some(error))
        }
        Mode::Garbage => {
            write(b"{ this is not what was asked for: \x00\xff\n");
            (exit(0), None)
        }
        Mode::Empty => (exit(0), None),
        Mode::BareExit => (exit(1), None),
        Mode::Hang => {
            std::thread::sleep(HANG);
            (exit(1), None)
        }
        Mode::Crash => {
            // A crash that was asked for need not leave an image of the memory behind.
            let _ = nix::sys::prctl::set_dumpable(false);
            std::process::abort()
        }
        Mode::Flood => {
            let block = vec![b' '; 1 << 16];
            let mut left = FLOOD;
            while left > 0 && write(&block) {
                left = left.saturating_sub(block.len());
            }
            (exit(0), None)
        }
    })
}

fn print(value: &Value) {
    write(value.to_string().as_bytes());
}

/// Writes to stdout; false if nobody reads it any more.
fn write(bytes: &[u8]) -> bool {
    std::io::stdout().lock().write_all(bytes).is_ok() && std::io::stdout().flush().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_alone_makes_the_delegate() {
        let names = [
            "stdcheck-delegate",
            "/a/b/stdcheck-delegate",
            "./stdcheck-delegate-2",
            "/opt/cni/bin/stdcheck-00c0ffee-2",
        ];
        for name in names {
            assert!(is_named(OsStr::new(name)), "{name}");
        }
        let others = [
            "stdcheck",
            "stdcheck-delegates",
            "/stdcheck-delegate/bridge",
            "stdcheck-00c0ffee",
            "stdcheck-00c0ffee-",
            "stdcheck-coffee-1",
            "",
        ];
        for name in others {
            assert!(!is_named(OsStr::new(name)), "{name}");
        }
        assert_eq!(run_of_plugin(&plugin_name("00c0ffee", 3)), Some("00c0ffee"));
    }
}
