//! `host.cgroup_parent` and `host.oom_kills`: control groups of this host.

use std::path::{Path, PathBuf};

use super::{Done, Verb};
use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::Signature,
    },
};

const ROOT: &str = "/sys/fs/cgroup";

/// A name for a cgroup_parent of our own, in the form that the runtime's cgroup driver takes.
pub const PARENT: Verb = Verb {
    signature: Signature {
        name: "host.cgroup_parent",
        title: "a cgroup_parent of our own, in the form of the runtime's cgroup driver",
        params: &[],
        reply: || Type::members([("path", Type::Text)]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> { Box::pin(parent(lane)) },
};

/// How many processes the kernel has killed for want of memory since it booted.
pub const OOM_KILLS: Verb = Verb {
    signature: Signature {
        name: "host.oom_kills",
        title: "how many processes the kernel has killed for want of memory",
        params: &[],
        reply: || Type::members([("count", Type::Int)]),
        looks: true,
    },
    run: |_, _| -> Done<'_> { Box::pin(async { oom_kills() }) },
};

async fn parent(lane: &mut Lane) -> Result<Value, Halt> {
    // A dash in the name of a slice would stand for a level of its own.
    let name = lane.run.unique().replace('-', "_");
    let path = if is_systemd(lane).await? { format!("{name}.slice") } else { format!("/{name}") };
    // Runtimes take away what they made below it, but not the parent: that is the caller's.
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            for folder in hierarchies() {
                remove_empty(&folder.join(&name));
                remove_empty(&folder.join(format!("{name}.slice")));
            }
            Ok(())
        })
    }));
    Ok(value::map([("path", Value::from(path))]))
}

/// Whether the runtime says that systemd makes its cgroups. Older ones say nothing: then the host's
/// own file system is what is left to go by, and plain folders always work.
async fn is_systemd(lane: &mut Lane) -> Result<bool, Halt> {
    let nothing = value::map(std::iter::empty::<(&str, Value)>());
    let patience = lane.run.options.step_timeout;
    let answer = lane.ask("RuntimeService/RuntimeConfig", nothing, patience).await?;
    if let Outcome::Died(how) = &answer.outcome {
        return Err(Halt::Died(how.clone()));
    }
    let driver = answer.reply_value().and_then(|reply| {
        value::member(value::member(reply, "linux")?, "cgroup_driver").map(value::as_text)
    });
    Ok(answer.code == tonic::Code::Ok && driver.as_deref() == Some("SYSTEMD"))
}

/// The mounted hierarchies: one of v2, or the controllers of v1.
fn hierarchies() -> Vec<PathBuf> {
    let root = PathBuf::from(ROOT);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    folders.push(root);
    folders
}

/// Removes a group and those below it; the kernel refuses where a process is left, which is right.
fn remove_empty(folder: &Path) {
    if let Ok(entries) = std::fs::read_dir(folder) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_empty(&entry.path());
            }
        }
        let _ = std::fs::remove_dir(folder);
    }
}

fn oom_kills() -> Result<Value, Halt> {
    let text = std::fs::read_to_string("/proc/vmstat")
        .map_err(|error| Halt::Error(format!("cannot read /proc/vmstat: {error}")))?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        .ok_or_else(|| Halt::Error("the kernel does not count oom kills".to_owned()))?;
    Ok(value::map([("count", Value::Int(count))]))
}
