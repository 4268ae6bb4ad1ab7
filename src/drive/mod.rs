//! The input and output below steps and verbs: nothing above this folder touches a socket.

pub mod clock;
pub mod csi;
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
    /// The same, but its process ends when a client goes: all calls share one connection.
    Frail(Grpc),
    /// One whose services are spread over two endpoints (CSI, "Architecture"); either may be missing,
    /// but not both.
    Split {
        /// Where the services are that need not run on a node.
        controller: Option<Grpc>,
        /// Where `Node` is.
        node: Option<Grpc>,
    },
    /// A program that is executed for each operation.
    Exec(Arc<Plugin>),
}

impl Drive {
    /// The service, if it is one: of two endpoints the first that there is.
    pub fn grpc(&self) -> Option<&Grpc> {
        self.endpoints().into_iter().next()
    }

    /// Where a service is called; none if the target has no endpoint for it. `Identity`, which every
    /// endpoint has, is called at the first.
    pub fn grpc_of(&self, service: &str) -> Option<&Grpc> {
        match (self, service) {
            (Drive::Split { node, .. }, "Node") => node.as_ref(),
            (Drive::Split { controller, .. }, service) if service != "Identity" => {
                controller.as_ref()
            }
            _ => self.grpc(),
        }
    }

    /// All endpoints, the controller's first.
    pub fn endpoints(&self) -> Vec<&Grpc> {
        match self {
            Drive::Grpc(grpc) | Drive::Frail(grpc) => vec![grpc],
            Drive::Split { controller, node } => controller.iter().chain(node).collect(),
            Drive::Exec(_) => Vec::new(),
        }
    }

    /// The plugin, if it is one.
    pub fn plugin(&self) -> Option<&Arc<Plugin>> {
        match self {
            Drive::Exec(plugin) => Some(plugin),
            Drive::Grpc(_) | Drive::Frail(_) | Drive::Split { .. } => None,
        }
    }

    /// The same target, over a connection of its own if it can stand that.
    pub fn apart(&self) -> Drive {
        match self {
            Drive::Grpc(grpc) => Drive::Grpc(grpc.apart()),
            Drive::Frail(grpc) => Drive::Frail(grpc.clone()),
            Drive::Split { controller, node } => Drive::Split {
                controller: controller.as_ref().map(Grpc::apart),
                node: node.as_ref().map(Grpc::apart),
            },
            Drive::Exec(plugin) => Drive::Exec(plugin.clone()),
        }
    }

    /// Leaves a connection that was made by [`Drive::apart`] to others. No clone may be in use any more.
    pub fn give_back(&self) {
        if let Drive::Grpc(_) | Drive::Split { .. } = self {
            self.endpoints().into_iter().for_each(Grpc::give_back);
        }
    }

    /// How the target died, if it did. A program that ends with each operation has no death.
    pub fn death(&self) -> Option<String> {
        self.endpoints().into_iter().find_map(Grpc::death)
    }

    /// The process behind the endpoint, where that is known.
    pub fn peer(&self) -> Option<Peer> {
        self.grpc().and_then(Grpc::peer)
    }

    /// What stands for the target in messages: its endpoint or path.
    pub fn name(&self) -> String {
        match self {
            Drive::Exec(plugin) => plugin.path.display().to_string(),
            service => {
                let names = service.endpoints().into_iter().map(|grpc| grpc.endpoint().to_string());
                names.collect::<Vec<_>>().join(" and ")
            }
        }
    }
}
