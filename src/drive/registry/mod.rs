//! Our own registry: it serves the images of a run to the runtime under test, on a machine without Internet.
//!
//! It speaks the part of the OCI distribution specification that a pull needs, in plain http, and remembers every
//! request. It listens on loopback in the network namespace of the runtime, where runtimes speak http without being
//! configured, or where the user says.
//!
//! A request goes through `record` (writes it down) to `route` (what is asked for), and from there to the handler of
//! that thing: `manifests`, `blobs`, `tags`; `refusal` makes the answers that are errors.

mod blobs;
mod document;
mod manifests;
mod namespace;
pub mod preflight;
mod range;
mod record;
mod refusal;
mod route;
mod server;
mod store;
mod tags;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::image::Image;

pub use namespace::Netns;
pub use record::Request;

/// Where a registry listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// The network namespace that the address belongs to; `None` is our own.
    pub netns: Option<Netns>,
}

impl Default for Listen {
    /// A free port of 127.0.0.1 in our own network namespace.
    fn default() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), netns: None }
    }
}

/// Why the registry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// We may not look at or enter the network namespace.
    #[error(
        "no permission to enter the network namespace {path}: run stdcheck as root, or give an address that the \
         runtime can reach with --registry-listen",
        path = .0.display()
    )]
    NotPermitted(PathBuf),
    /// There is no such network namespace, or the file is something else.
    #[error("the network namespace {path} could not be entered: {source}", path = path.display())]
    Namespace {
        /// The file that stands for it.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// The address is taken, or is none of the namespace's.
    #[error("the registry cannot listen on {address}: {source}")]
    Listen {
        /// As it was asked for.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// The thread of the registry could not be started.
    #[error("the registry could not be started: {0}")]
    Start(#[from] io::Error),
}

/// What the handlers and the owner of a registry share.
#[derive(Default)]
struct Shared {
    store: store::Store,
    record: record::Record,
}

/// A registry that serves until it is dropped. Dropping waits for its thread: at most half a second.
pub struct Registry {
    shared: Arc<Shared>,
    server: server::Server,
}

impl Registry {
    /// Starts one; when this returns, it answers.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn start(listen: Listen) -> Result<Self, RegistryError> {
        let shared = Arc::new(Shared::default());
        let server = server::Server::start(listen, Arc::clone(&shared))?;
        Ok(Self { shared, server })
    }

    /// Address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Serves `image` in `repository`, and under `tag` there; the tag leaves the image that had it. Returns the
    /// reference to pull: `127.0.0.1:PORT/repository:tag`.
    pub fn publish(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.shared.store.publish(repository, Some(tag), image);
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Serves `image` in `repository` without a tag. Returns the reference to pull:
    /// `127.0.0.1:PORT/repository@sha256:…`, the digest being that of the manifest.
    pub fn publish_by_digest(&self, repository: &str, image: &Image) -> String {
        self.shared.store.publish(repository, None, image);
        format!("{}/{repository}@{}", self.host(), image.manifest.digest)
    }

    /// The requests that were answered until now, in the order of their answers.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.requests()
    }

    /// How many connections began with TLS; no request came out of them.
    pub fn tls_attempts(&self) -> usize {
        self.shared.record.tls_attempts()
    }

    /// The registry as references name it. One that listens on every address is named by its loopback address.
    fn host(&self) -> SocketAddr {
        let mut host = self.address();
        if host.ip().is_unspecified() {
            host.set_ip(match host.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        host
    }
}
