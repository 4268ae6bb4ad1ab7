//! What the delegate was called with, one line of JSON for each call.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Error, ErrorKind, Read, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The log's name in its folder.
pub const FILE: &str = "log.jsonl";

/// Where it stands how calls of a container runtime ended.
pub const ENDS_FILE: &str = "ends.jsonl";

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// CNI_COMMAND, empty where it was not set.
    pub command: String,
    /// When it was noted, in nanoseconds since 1970.
    pub at: u64,
    /// The delegate's process.
    pub pid: u32,
    /// The base name under which it was started.
    pub name: String,
    /// The whole environment. What is not Unicode has replacement characters.
    pub env: BTreeMap<String, String>,
    /// What came on stdin, as text.
    pub stdin: String,
    /// The same as JSON, where it is.
    pub config: Option<Value>,
    /// The network namespace that the delegate itself was started in; 0 if that is unknown.
    pub netns_inode: u64,
    /// The one at CNI_NETNS, while the call lasts; 0 if there is none.
    #[serde(default)]
    pub container_netns_inode: u64,
}

/// How a call ended; one that was killed has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The delegate's process.
    pub pid: u32,
    /// [`Call::at`] of the call.
    pub at: u64,
    /// When it ended, in nanoseconds since 1970.
    pub ended: u64,
    /// Its exit code.
    pub exit: i32,
    /// What it printed, where that is JSON.
    pub printed: Option<Value>,
}

impl End {
    /// The end of a call that ends now.
    pub(super) fn now(call: &Call, exit: i32, printed: Option<Value>) -> Self {
        Self { pid: call.pid, at: call.at, ended: now(), exit, printed }
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The inode of the network namespace at a path; 0 if there is none.
fn namespace_at(path: &str) -> u64 {
    let (Ok(there), Ok(own)) = (std::fs::metadata(path), std::fs::metadata("/proc/self/ns/net"))
    else {
        return 0;
    };
    // All namespaces are files of one file system.
    if there.dev() == own.dev() { there.ino() } else { 0 }
}

impl Call {
    /// The call that this process is.
    pub(super) fn of_this_process(name: String, stdin: &[u8]) -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .map(|(key, value)| {
                (key.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Self {
            command: env.get("CNI_COMMAND").cloned().unwrap_or_default(),
            at: now(),
            pid: std::process::id(),
            name,
            container_netns_inode: env.get("CNI_NETNS").map_or(0, |path| namespace_at(path)),
            env,
            stdin: String::from_utf8_lossy(stdin).into_owned(),
            config: serde_json::from_slice(stdin).ok(),
            netns_inode: std::fs::metadata("/proc/self/ns/net").map_or(0, |ns| ns.ino()),
        }
    }
}

/// All calls of a log, in their order. Lines that are no calls are left out: the folder is open to
/// the plugin under test, too.
pub fn read_log(bytes: &[u8]) -> Vec<Call> {
    read_lines(bytes)
}

/// The ends of calls, in their order.
pub fn read_ends(bytes: &[u8]) -> Vec<End> {
    read_lines(bytes)
}

fn read_lines<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Vec<T> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// Notes a call; how many of the same command were noted before. Counting and writing are one step
/// for all who call at the same time.
pub(super) fn append(folder: &Path, call: &Call) -> std::io::Result<usize> {
    let mut log =
        OpenOptions::new().read(true).append(true).create(true).open(folder.join(FILE))?;
    log.lock()?;
    let earlier = count(&mut log, &call.command)?;
    write_line(&mut log, call, FILE)?;
    Ok(earlier)
}

/// Notes the end of a call.
pub(super) fn append_end(folder: &Path, end: &End) -> std::io::Result<()> {
    let mut ends = OpenOptions::new().append(true).create(true).open(folder.join(ENDS_FILE))?;
    write_line(&mut ends, end, ENDS_FILE)
}

fn write_line(file: &mut File, what: &impl Serialize, name: &str) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    // One write: a reader that does not lock never sees half a line.
    let written = file.write(&line)?;
    if written < line.len() {
        return Err(Error::new(ErrorKind::StorageFull, format!("{name} has no room for a call")));
    }
    Ok(())
}

fn count(log: &mut File, command: &str) -> std::io::Result<usize> {
    #[derive(Deserialize)]
    struct Command {
        command: String,
    }
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    let lines = bytes.split(|&byte| byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice::<Command>(line).ok())
        .filter(|earlier| earlier.command == command)
        .count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(command: &str) -> Call {
        let mut call = Call::of_this_process("x".to_owned(), b"{\"cniVersion\": \"1.0.0\"}");
        command.clone_into(&mut call.command);
        call
    }

    #[test]
    fn calls_are_counted_by_command_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let earlier: Vec<usize> = ["ADD", "DEL", "ADD", "ADD"]
            .iter()
            .map(|command| append(folder.path(), &call(command)).unwrap())
            .collect();
        assert_eq!(earlier, [0, 0, 1, 2]);
        let calls = read_log(&std::fs::read(folder.path().join(FILE)).unwrap());
        assert_eq!(calls.len(), 4);
        assert_eq!(calls[1].command, "DEL");
        assert_eq!(calls[1].config, Some(serde_json::json!({"cniVersion": "1.0.0"})));
        assert_ne!(calls[1].netns_inode, 0);
    }

    #[test]
    fn foreign_lines_are_left_out() {
        let line = serde_json::to_string(&call("GC")).unwrap();
        let calls = read_log(format!("nonsense\n{line}\n{{}}\n{{\"comm").as_bytes());
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].command, "GC");
    }
}
