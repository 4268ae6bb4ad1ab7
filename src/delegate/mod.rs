//! The recording delegate: what a plugin under test runs in the place of an IPAM plugin, or of the
//! plugin that it hands everything to.
//!
//! It is this very program under another name, found by the plugin in CNI_PATH. It notes every call
//! in a log and behaves as a plan says, so that a check sees what was forwarded and what becomes of
//! an answer, good or bad. It starts often and beside others of its kind: no runtime, no parser of
//! arguments, one lock on the log.

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

pub use self::{
    log::{Call, FILE as LOG_FILE, read_log},
    plan::{Behaviour, FILE as PLAN_FILE, Mode, Plan},
};

/// The name under which the program is the delegate. `stdcheck-delegate-ANYTHING` is one, too, where
/// a check has to tell several apart.
pub const NAME: &str = "stdcheck-delegate";

/// Where plan and log are inside a stage.
pub const FOLDER: &str = "/run/stdcheck-delegate";

/// Names another folder for plan and log.
pub const FOLDER_VARIABLE: &str = "STDCHECK_DELEGATE_DIR";

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
    name.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
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
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(|| FOLDER.into(), PathBuf::from);
    let broken = |error: std::io::Error| {
        Failure::new(code::INPUT_OUTPUT, format!("in {}: {error}", folder.display()))
    };
    let earlier = log::append(&folder, call).map_err(broken)?;
    let plan = Plan::read(&folder).map_err(broken)?;
    let behaviour = plan.at(&call.command, earlier + 1);

    if let Some(text) = &behaviour.stderr {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    std::thread::sleep(Duration::from_millis(behaviour.delay_ms));

    let exit = |usual| behaviour.exit.unwrap_or(usual);
    Ok(match behaviour.mode {
        Mode::Ok => {
            if let Some(result) = &behaviour.result {
                print(result);
            } else if let Some(result) = answer::usual(call, earlier)? {
                print(&result);
            }
            exit(0)
        }
        Mode::Error => {
            print(&answer::error(call, &behaviour));
            exit(1)
        }
        Mode::Garbage => {
            write(b"{ this is not what was asked for: \x00\xff\n");
            exit(0)
        }
        Mode::Empty => exit(0),
        Mode::BareExit => exit(1),
        Mode::Hang => {
            std::thread::sleep(HANG);
            exit(1)
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
            exit(0)
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
        for name in ["stdcheck-delegate", "/a/b/stdcheck-delegate", "./stdcheck-delegate-2"] {
            assert!(is_named(OsStr::new(name)), "{name}");
        }
        for name in ["stdcheck", "stdcheck-delegates", "/stdcheck-delegate/bridge", ""] {
            assert!(!is_named(OsStr::new(name)), "{name}");
        }
    }
}
