//! The input and output below steps and verbs: nothing above this folder touches a socket.

pub mod clock;
pub mod exec;
pub mod grpc;
pub mod netns;
pub mod process;

pub mod registry;

use std::sync::Arc;

use self::{
    exec::Plugin,
    grpc::{Grpc, Peer},
};

/// The target, by the way in which it is driven.
#[derive(Clone)]
pub enum Drive {
    /// A service behind an endpoint.
    Grpc(Grpc),
    /// A program that is executed for each operation.
    Exec(Arc<Plugin>),
}

impl Drive {
    /// The service, if it is one.
    pub fn grpc(&self) -> Option<&Grpc> {
        match self {
            Drive::Grpc(grpc) => Some(grpc),
            Drive::Exec(_) => None,
        }
    }

    /// The plugin, if it is one.
    pub fn plugin(&self) -> Option<&Arc<Plugin>> {
        match self {
            Drive::Exec(plugin) => Some(plugin),
            Drive::Grpc(_) => None,
        }
    }

    /// The same target, over a connection of its own.
    pub fn apart(&self) -> Drive {
        match self {
            Drive::Grpc(grpc) => Drive::Grpc(grpc.apart()),
            Drive::Exec(plugin) => Drive::Exec(plugin.clone()),
        }
    }

    /// How the target died, if it did. A program that ends with each operation has no death.
    pub fn death(&self) -> Option<String> {
        self.grpc().and_then(Grpc::death)
    }

    /// The process behind the endpoint, where that is known.
    pub fn peer(&self) -> Option<Peer> {
        self.grpc().and_then(Grpc::peer)
    }

    /// What stands for the target in messages: its endpoint or path.
    pub fn name(&self) -> String {
        match self {
            Drive::Grpc(grpc) => grpc.endpoint().to_string(),
            Drive::Exec(plugin) => plugin.path.display().to_string(),
        }
    }
}
