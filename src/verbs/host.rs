//! `host.*`: what can be seen of the target's work on this host.

use std::{
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Done, Params, Verb};
use crate::{
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// The most that is read of a file.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Reads a file, a log say.
pub const READ: Verb = Verb {
    signature: Signature {
        name: "host.read",
        title: "reads a file of this host",
        params: &[Param { name: "path", required: true, title: "its absolute path" }],
        reply: || Type::members([("exists", Type::Bool), ("text", Type::Text)]),
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { read(&params) }) },
};

/// Looks whether a path is there.
pub const STAT: Verb = Verb {
    signature: Signature {
        name: "host.stat",
        title: "whether there is something at a path of this host",
        params: &[Param { name: "path", required: true, title: "absolute" }],
        reply: || Type::members([("exists", Type::Bool), ("folder", Type::Bool)]),
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { stat(&params) }) },
};

/// Looks at a process.
pub const PROCESS: Verb = Verb {
    signature: Signature {
        name: "host.process",
        title: "looks at a process of this host",
        params: &[Param { name: "pid", required: true, title: "its process id" }],
        reply: || {
            Type::members([
                ("alive", Type::Bool),
                ("uid", Type::Int),
                ("gid", Type::Int),
                ("groups", Type::List(Box::new(Type::Int))),
                ("cgroup", Type::Text),
                ("status", Type::Text),
                ("mountinfo", Type::Text),
                ("oom_score_adj", Type::Int),
            ])
        },
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { process(&params) }) },
};

fn read(params: &Params) -> Result<Value, Halt> {
    let path = params.text("path")?;
    let told = |exists: bool, text: &str| {
        value::map([("exists", Value::Bool(exists)), ("text", Value::from(text))])
    };
    match read_file(path) {
        Ok(bytes) => Ok(told(true, &String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(told(false, "")),
        Err(error) => Err(Halt::Error(format!("cannot read {path}: {error}"))),
    }
}

fn stat(params: &Params) -> Result<Value, Halt> {
    let path = params.text("path")?;
    let told = |exists: bool, folder: bool| {
        value::map([("exists", Value::Bool(exists)), ("folder", Value::Bool(folder))])
    };
    // A relative path would be one of ours.
    if !path.starts_with('/') {
        return Ok(told(false, false));
    }
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(told(true, metadata.is_dir())),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(told(false, false))
        }
        Err(error) => Err(Halt::Error(format!("cannot look at {path}: {error}"))),
    }
}

/// The beginning of a regular file. The target may have put anything there: a pipe would block us,
/// and a device never ends.
fn read_file(path: &str) -> io::Result<Vec<u8>> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn process(params: &Params) -> Result<Value, Halt> {
    let pid = params.number("pid")?;
    let folder = Path::new("/proc").join(pid.to_string());
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let status = file("status");
    let field = |name: &str| -> Vec<i64> {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|rest| {
                rest.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
            })
            .unwrap_or_default()
    };
    let alive = !status.is_empty() && !status.lines().any(|line| line.starts_with("State:\tZ"));
    // The second of the four is the effective one.
    let effective = |name: &str| Value::Int(field(name).get(1).copied().unwrap_or(-1));
    let adjusted = file("oom_score_adj").trim().parse().unwrap_or(0);
    Ok(value::map([
        ("alive", Value::Bool(alive)),
        ("uid", effective("Uid")),
        ("gid", effective("Gid")),
        ("groups", Value::from(field("Groups"))),
        ("cgroup", Value::from(file("cgroup"))),
        ("mountinfo", Value::from(file("mountinfo"))),
        ("oom_score_adj", Value::Int(adjusted)),
        ("status", Value::from(status)),
    ]))
}
