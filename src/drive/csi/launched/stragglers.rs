//! Processes that a driver left behind when it ended: one that goes into the background is in no process
//! group of ours any more, but still in the mount namespace that we made for it.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long the kernel may take.
const DYING: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// Kills all processes in the mount namespace of a thread of ours, which has it to itself, and waits for
/// their end.
pub fn end_all(thread: i32) {
    let own = namespace(Path::new(&format!("/proc/self/task/{thread}")));
    let Some(own) = own.filter(|own| Some(*own) != namespace(Path::new("/proc/self"))) else {
        return;
    };
    let begin = Instant::now();
    loop {
        let left = all_in(own);
        if left.is_empty() || begin.elapsed() > DYING {
            return;
        }
        for pid in left {
            // One that is gone by now is what we want.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
}

fn all_in(namespace_of_ours: (u64, u64)) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = entry.file_name().to_str()?.parse().ok()?;
            (namespace(&entry.path()) == Some(namespace_of_ours)).then_some(pid)
        })
        .collect()
}

/// Device and number of the mount namespace of a process or thread; none of one that is gone, or a
/// zombie.
fn namespace(of: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(of.join("ns/mnt")).ok()?;
    Some((found.dev(), found.ino()))
}
