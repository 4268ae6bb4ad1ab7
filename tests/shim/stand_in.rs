//! A network namespace in the place of one that has ended. GC is done by DEL, and plugins that are older
//! than GC read in the container's namespace what they have to clear on the host.

use std::{fs::File, os::fd::AsRawFd as _};

use nix::sched::{CloneFlags, setns, unshare};
use stdcheck::stage::{agent, wire::LinkOp};

use super::history::Entry;

/// The namespace; it ends with this.
pub struct StandIn {
    /// For CNI_NETNS.
    pub path: String,
    _held: File,
}

impl StandIn {
    /// With the interface and the addresses that the ADD of an attachment has told.
    ///
    /// # Errors
    /// If the kernel makes none, or no such interface.
    pub fn of(entry: &Entry) -> Result<StandIn, String> {
        let told = |error: &dyn std::fmt::Display| format!("no namespace to stand in: {error}");
        let open = || File::open("/proc/self/ns/net").map_err(|error| told(&error));
        let own = open()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))?;
        let held = open();
        let filled = fill(entry);
        setns(&own, CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))?;
        filled?;
        let held = held?;
        // As this /proc counts processes.
        let process = std::fs::read_link("/proc/self").map_err(|error| told(&error))?;
        let path = format!("/proc/{}/fd/{}", process.display(), held.as_raw_fd());
        Ok(StandIn { path, _held: held })
    }
}

fn fill(entry: &Entry) -> Result<(), String> {
    let dev = entry.ifname.clone();
    let peer = "stdpeer0".to_owned();
    agent::change_here(LinkOp::AddVeth { name: dev.clone(), peer, peer_namespace: None })?;
    for ip in entry.reply["ips"].as_array().into_iter().flatten() {
        let address = ip["address"].as_str().unwrap_or_default().to_owned();
        agent::change_here(LinkOp::AddAddress { dev: dev.clone(), address })?;
    }
    Ok(())
}
