//! `processes` and `process`: what `/proc` tells of the processes in the same PID namespace.
//!
//! `processes` prints one JSON array with an object for each process, in the order of their ids:
//!
//! | member | value |
//! |---|---|
//! | `pid`, `ppid` | numbers |
//! | `state` | one letter, such as `S`; `Z` has ended and is kept for its parent |
//! | `argv` | list of strings; empty for one that has ended |
//!
//! `process` prints one JSON object with a member for each id that was asked for (`self` is one, too), which is null
//! where there is no such process:
//!
//! | member | value |
//! |---|---|
//! | `argv` | as above |
//! | `namespaces` | name → the link's text, such as `pid:[4026531836]`, or null where it may not be read |
//! | `cgroup` | list of lines |
//! | `status` | the kernel's name of a field → its text, with single blanks: `Uid` → `0 0 0 0` |

use std::ffi::OsString;
use std::fs;

use crate::json::{Object, array, optional, string};
use crate::{Outcome, output};

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// Prints all processes.
pub fn list() -> Outcome {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    output::to_stdout(array(pids.into_iter().filter_map(listed)).as_bytes())?;
    Ok(0)
}

/// Prints the processes with these ids.
pub fn print(ids: &[OsString]) -> Outcome {
    let all = ids.iter().map(|id| id.to_string_lossy()).fold(Object::default(), |all, id| {
        all.set(&id, described(&id).unwrap_or_else(|| "null".into()))
    });
    output::to_stdout(all.text().as_bytes())?;
    Ok(0)
}

/// The namespaces of a process, as an object.
pub fn namespaces(id: &str) -> Object {
    NAMESPACES.iter().fold(Object::default(), |all, name| {
        let link = fs::read_link(format!("/proc/{id}/ns/{name}")).ok();
        all.set(name, optional(link.map(|path| path.into_os_string().into_encoded_bytes())))
    })
}

/// Nothing for a process that has gone meanwhile.
fn listed(pid: u32) -> Option<String> {
    let fields = status(&pid.to_string())?;
    let field = |name| fields.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    let process = Object::default()
        .set("pid", pid.to_string())
        .set("ppid", field("PPid").map_or("null", String::as_str))
        .set("state", string(field("State").and_then(|text| text.get(..1)).unwrap_or_default()))
        .set("argv", argv(&pid.to_string()));
    Some(process.text())
}

fn described(id: &str) -> Option<String> {
    let fields =
        status(id)?.iter().fold(Object::default(), |all, (name, text)| all.set(name, string(text)));
    let cgroup = fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap_or_default();
    let process = Object::default()
        .set("argv", argv(id))
        .set("namespaces", namespaces(id).text())
        .set("cgroup", array(cgroup.lines().map(string)))
        .set("status", fields.text());
    Some(process.text())
}

fn argv(id: &str) -> String {
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    // Each word ends with a NUL.
    array(
        words
            .split_inclusive(|byte| *byte == 0)
            .map(|word| string(word.strip_suffix(b"\0").unwrap_or(word))),
    )
}

fn status(id: &str) -> Option<Vec<(String, String)>> {
    let text = fs::read(format!("/proc/{id}/status")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let single = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(fields.map(|(name, text)| (name.to_owned(), single(text))).collect())
}
