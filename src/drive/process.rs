//! Processes of this host, told apart from others that got their process id later.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// When a process started, in clock ticks since boot: field 22 of `/proc/PID/stat`. None for one that
/// is gone or a zombie.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may hold anything, also parentheses.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Sees the end of a process at once, without asking /proc: as long as it is held, its id is not given
/// to another.
#[derive(Debug)]
pub struct Hold(OwnedFd);

impl Hold {
    /// None where the process is gone, or the system has no such thing.
    pub fn on(pid: i32) -> Option<Hold> {
        pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok().map(Hold)
    }

    /// Whether it is gone, or a zombie.
    pub fn is_over(&self) -> bool {
        let mut ends = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut ends, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_start_and_a_dead_one_none() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(start_time(own).is_some());
        assert!(!Hold::on(own).unwrap().is_over());
        assert_eq!(start_time(own), start_time(own));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let held = Hold::on(pid).unwrap();
        child.wait().unwrap();
        assert!(held.is_over());
        assert_eq!(start_time(pid), None);
    }
}
