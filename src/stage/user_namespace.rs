//! Without root, a user namespace in which we are as good as root.

use std::fs;

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

/// Enters a user namespace of our own, so that stages can be made without root. Where we are root, it
/// does nothing. To be called while there is only one thread; a stage calls it for itself.
///
/// # Errors
/// One line that says what the kernel does not allow, and what can be done about it.
pub fn without_root() -> Result<(), String> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| {
        format!(
            "without root, stages need user namespaces, which this system does not allow ({error}): \
             run as root, or see kernel.unprivileged_userns_clone, user.max_user_namespaces and \
             kernel.apparmor_restrict_unprivileged_userns"
        )
    })?;
    let maps = [
        // Before groups can be mapped, setting others must be given up.
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ];
    for (file, content) in maps {
        fs::write(format!("/proc/self/{file}"), content).map_err(|error| {
            format!(
                "without root, stages need user namespaces, and this system does not let us be root \
                 in ours ({file}: {error}): run as root, or see \
                 kernel.apparmor_restrict_unprivileged_userns"
            )
        })?;
    }
    Ok(())
}
