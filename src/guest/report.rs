//! `report`: the container as the process in it sees it, one JSON object on one line.
//!
//! | member | value |
//! |---|---|
//! | `pid`, `ppid` | numbers in the process's own PID namespace |
//! | `argv` | list of strings |
//! | `env` | list of `[key, value]`, each in base64; the value is null where an entry has no `=` |
//! | `cwd` | string, or null |
//! | `uid`, `euid`, `gid`, `egid` | numbers |
//! | `groups` | supplementary groups, numbers |
//! | `hostname` | string |
//! | `tty` | whether stdin, stdout and stderr are a terminal: three booleans |
//! | `namespaces` | name → the link's text, such as `pid:[4026531836]`, or null |
//! | `oom_score_adj` | number, or null |
//! | `resolv_conf`, `hosts`, `cgroup`, `status`, `mountinfo`, `uid_map`, `gid_map`, `limits`, `apparmor` | the text of the file, or null where it cannot be read |
//! | `sysctl` | name as given → its value without the last newline, or null |

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::json::{Object, array, base64, optional, string};
use crate::{Outcome, output, processes, system};

const FILES: [(&str, &str); 9] = [
    ("resolv_conf", "/etc/resolv.conf"),
    ("hosts", "/etc/hosts"),
    ("cgroup", "/proc/self/cgroup"),
    ("status", "/proc/self/status"),
    ("mountinfo", "/proc/self/mountinfo"),
    ("uid_map", "/proc/self/uid_map"),
    ("gid_map", "/proc/self/gid_map"),
    ("limits", "/proc/self/limits"),
    ("apparmor", "/proc/self/attr/current"),
];

/// Prints the report; `sysctls` are names with dots or slashes.
pub fn print(sysctls: &[OsString]) -> Outcome {
    output::to_stdout(report(sysctls).text().as_bytes())?;
    Ok(0)
}

fn report(sysctls: &[OsString]) -> Object {
    let [uid, euid, gid, egid] = system::ids();
    let cwd = std::env::current_dir().ok();
    let mut report = Object::default()
        .set("pid", std::process::id().to_string())
        .set("ppid", std::os::unix::process::parent_id().to_string())
        .set("argv", array(std::env::args_os().map(|arg| string(arg.as_bytes()))))
        .set("env", array(system::environment().iter().map(|entry| pair(entry))))
        .set("cwd", optional(cwd.map(|path| path.into_os_string().into_encoded_bytes())))
        .set("uid", uid.to_string())
        .set("euid", euid.to_string())
        .set("gid", gid.to_string())
        .set("egid", egid.to_string())
        .set("groups", array(system::groups().iter().map(u32::to_string)))
        .set("hostname", string(system::hostname()))
        .set("tty", array(terminals().map(|is| is.to_string())))
        .set("namespaces", processes::namespaces("self").text())
        .set("oom_score_adj", oom_score_adj());
    for (name, path) in FILES {
        report = report.set(name, optional(std::fs::read(path).ok()));
    }
    let values = sysctls
        .iter()
        .fold(Object::default(), |values, name| values.set(&name.to_string_lossy(), sysctl(name)));
    report.set("sysctl", values.text())
}

fn pair(entry: &[u8]) -> String {
    match entry.iter().position(|byte| *byte == b'=') {
        Some(at) => array([base64(&entry[..at]), base64(&entry[at + 1..])]),
        None => array([base64(entry), "null".into()]),
    }
}

fn terminals() -> [bool; 3] {
    [
        std::io::stdin().is_terminal(),
        std::io::stdout().is_terminal(),
        std::io::stderr().is_terminal(),
    ]
}

fn oom_score_adj() -> String {
    std::fs::read_to_string("/proc/self/oom_score_adj")
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok())
        .map_or_else(|| "null".into(), |value| value.to_string())
}

/// The value of one sysctl. Both spellings are in use: dots, or slashes where a part holds a dot itself.
fn sysctl(name: &OsString) -> String {
    let name = name.to_string_lossy();
    let path = if name.contains('/') {
        PathBuf::from(format!("/proc/sys/{name}"))
    } else {
        PathBuf::from(format!("/proc/sys/{}", name.replace('.', "/")))
    };
    optional(
        std::fs::read_to_string(path).ok().map(|value| value.trim_end_matches('\n').to_owned()),
    )
}
