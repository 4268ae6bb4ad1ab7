//! The mounts that there are.

use std::{collections::BTreeMap, fs, io};

use nix::mount::{MntFlags, umount2};

/// All mounts by where they are, as the kernel writes that, with their kind.
pub fn all() -> io::Result<BTreeMap<String, String>> {
    let lines = fs::read_to_string("/proc/self/mountinfo")?;
    let read = |line: &str| {
        let place = line.split(' ').nth(4)?;
        let kind = line.split_once(" - ")?.1.split(' ').next()?;
        Some((place.to_owned(), kind.to_owned()))
    };
    Ok(lines.lines().filter_map(read).collect())
}

/// Lets go of namespaces that others hold by mounts: our copies would keep them alive.
pub fn release_namespaces() -> io::Result<()> {
    for (place, kind) in all()? {
        if kind == "nsfs" {
            // In a user namespace what we inherited cannot be taken apart.
            let _ = umount2(place.as_str(), MntFlags::MNT_DETACH);
        }
    }
    Ok(())
}
