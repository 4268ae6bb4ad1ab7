//! Our own registry: it serves the images of a run to the runtime under test, on a machine without Internet.
//!
//! It speaks the part of the OCI distribution specification that a pull needs, in plain http or (`certificate`,
//! `secure`) https, and remembers every request. For checks of images it is an instrument: it wants credentials (`access`, `token`), answers wrongly or badly
//! (`fault`, `body`), and counts what was asked for (`terms`). It listens on loopback in the network namespace of the runtime, where runtimes speak http without being
//! configured, or where the user says.
//!
//! A request goes through `record` (writes it down) to `route` (what is asked for), and from there to the handler of
//! that thing: `manifests`, `blobs`, `tags`, `token`; `refusal` makes the answers that are errors.

mod access;
mod blobs;
mod body;
mod certificate;
mod document;
mod fault;
mod manifests;
mod namespace;
pub mod preflight;
mod range;
mod record;
mod refusal;
mod route;
mod secure;
mod server;
mod store;
mod tags;
mod terms;
mod tls;
mod token;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::image::Image;

pub use access::Access;
pub use certificate::{Certificate, CertificateError};
pub use fault::{Fault, Harm, Part};
pub use namespace::Netns;
pub use record::{Noticed, Request};
pub use terms::{BlobTally, Tally};

/// Where a registry listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// The network namespace that the address belongs to; `None` is our own.
    pub netns: Option<Netns>,
    /// With it the registry speaks https, else plain http.
    pub certificate: Option<Certificate>,
}

impl Default for Listen {
    /// A free port of 127.0.0.1 in our own network namespace, in plain http.
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { address, netns: None, certificate: None }
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
    /// There is no certificate, or none that can be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The thread of the registry could not be started.
    #[error("the registry could not be started: {0}")]
    Start(#[from] io::Error),
}

/// What the handlers and the owner of a registry share.
#[derive(Default)]
struct Shared {
    store: store::Store,
    record: record::Record,
    tokens: token::Tokens,
    https: bool,
}

impl Shared {
    /// The scheme of our own addresses.
    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
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
        let tls = match &listen.certificate {
            Some(certificate) => Some(certificate.config(listen.address)?),
            None => None,
        };
        let shared = Arc::new(Shared { https: tls.is_some(), ..Shared::default() });
        let server = server::Server::start(listen, tls, Arc::clone(&shared))?;
        Ok(Self { shared, server })
    }

    /// Address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Serves `image` in `repository`, and under `tag` there; the tag leaves the image that had it. Returns the
    /// reference to pull: `127.0.0.1:PORT/repository:tag`.
    pub fn publish(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.shared.store.publish(repository, Some(tag), image, None);
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Serves `image` in `repository` without a tag. Returns the reference to pull:
    /// `127.0.0.1:PORT/repository@sha256:…`, the digest being that of what a tag would name.
    pub fn publish_by_digest(&self, repository: &str, image: &Image) -> String {
        self.shared.store.publish(repository, None, image, None);
        format!("{}/{repository}@{}", self.host(), image.top().digest)
    }

    /// Serves `image` under each of `names`, repository and tag, for those that `access` lets in, hurt by `fault`. What
    /// is asked of these repositories is counted together, and what they had before is on the same terms.
    pub fn offer(
        &self,
        names: &[(&str, &str)],
        image: &Image,
        access: Access,
        fault: Option<Fault>,
    ) {
        let terms = Arc::new(terms::Terms::new(access, fault));
        for (repository, tag) in names {
            self.shared.store.publish(repository, Some(tag), image, Some(&terms));
        }
    }

    /// Serves a repository and all below it no longer, and frees what they hold.
    pub fn withdraw(&self, repository: &str) {
        self.shared.store.withdraw(repository);
    }

    /// What was asked of a repository and of all below it; `None` if there are none.
    pub fn tally(&self, repository: &str) -> Option<Tally> {
        let terms = self.shared.store.terms_of(repository);
        terms.iter().map(|terms| terms.tally()).reduce(Tally::and)
    }

    /// Takes the faults of a repository and of all below it away. Whether there are any such.
    pub fn repair(&self, repository: &str) -> bool {
        let terms = self.shared.store.terms_of(repository);
        terms.iter().for_each(|terms| terms.repair());
        !terms.is_empty()
    }

    /// The requests that were answered until now, in the order of their answers.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.requests()
    }

    /// The connections out of which no request came.
    pub fn noticed(&self) -> Noticed {
        self.shared.record.noticed()
    }

    /// Another name for the registry, if it listens on loopback: to a runtime it is another registry.
    pub fn alias(&self) -> Option<String> {
        let host = self.host();
        host.ip().is_loopback().then(|| format!("localhost:{}", host.port()))
    }

    /// The registry as references name it. One that listens on every address is named by its loopback address.
    pub fn host(&self) -> SocketAddr {
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
