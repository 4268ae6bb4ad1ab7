//! A storage driver as this host knows it: what the user told of it, its node's files, its process.

pub mod config;
pub mod known;
pub mod launched;
pub mod node;

use std::path::{Path, PathBuf};

pub use config::Config;
pub use known::{EarlyEnd, Known, Making, Spare, Use};
pub use launched::Launched;
pub use node::NodeFiles;

use super::Drive;

/// Everything about the driver that no rpc tells.
#[derive(Debug)]
pub struct Driver {
    /// What the user told.
    pub config: Config,
    /// How the files of its node are reached.
    pub node: NodeAccess,
    /// Its process, if we started it.
    pub launched: Option<Launched>,
    /// Folder on the node below which staging and target paths are made. Only what is in it is ours.
    pub folder: PathBuf,
    /// What the run's checks found out and did.
    pub known: Known,
}

/// How the files of the driver's node are reached.
#[derive(Debug)]
pub enum NodeAccess {
    /// By a command of the user's.
    Command(NodeFiles),
    /// Through the root folder of the driver's process, as long as it is on this host.
    Process,
}

impl Driver {
    /// The files of the driver's node, as the driver sees them now: another process after a restart
    /// may have another root.
    ///
    /// # Errors
    /// Why they cannot be looked at.
    pub fn files(&self, drive: &Drive) -> Result<NodeFiles, String> {
        if let NodeAccess::Command(files) = &self.node {
            return Ok(files.clone());
        }
        if let Some(launched) = &self.launched {
            return Ok(NodeFiles::root(launched.root()));
        }
        let Some(node) = drive.grpc_of("Node") else {
            return Err("the driver has no node endpoint".to_owned());
        };
        let Some(peer) = node.peer() else {
            let why = "the driver's process is not known (no unix socket, or another host)";
            return Err(why.to_owned());
        };
        if !nix::unistd::Uid::effective().is_root() {
            return Err("stdcheck does not run as root".to_owned());
        }
        let root = Path::new("/proc").join(peer.pid.to_string()).join("root");
        match std::fs::metadata(&root) {
            Ok(_) => Ok(NodeFiles::root(root)),
            Err(error) => Err(format!("cannot look at {}: {error}", root.display())),
        }
    }

    /// A fact about the host; none if it is not about drivers. See [`crate::suite::lint::HOST_FACTS`].
    pub fn fact(&self, fact: &str, drive: &Drive) -> Option<(bool, String)> {
        match fact {
            "node-files" => Some(match self.files(drive) {
                Ok(_) => (true, "the node's files can be looked at".to_owned()),
                Err(why) => (false, why),
            }),
            "driver" => Some(match &self.launched {
                Some(_) => (true, "stdcheck started the driver".to_owned()),
                None => (false, "no --driver".to_owned()),
            }),
            "driver-output" => {
                let known = self.launched.is_some() || !self.config.driver_logs.is_empty();
                let why = if known { "its output is kept" } else { "no --driver, no --driver-log" };
                Some((known, why.to_owned()))
            }
            _ => None,
        }
    }
}
