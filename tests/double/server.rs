//! The double in this process.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use http::Request;
use stdcheck::proto::cri::v1::{
    image_service_server::ImageServiceServer, runtime_service_server::RuntimeServiceServer,
};
use tonic::{Status, body::Body, service::Routes};
use tower::{ServiceExt as _, service_fn};

use super::{
    bend::Bends,
    interface,
    layer::Upstream,
    listen::{Connections, Listening},
    restart::Restarter,
    rule::Rule,
    service::Service,
    state::{Network, Store},
};

/// A double in this process.
pub struct Double {
    /// Where it listens.
    pub socket: PathBuf,
    /// What it holds.
    pub store: Arc<Store>,
    /// How it is bent.
    pub bends: Bends,
    connections: Connections,
    restarter: Option<Restarter>,
    _listening: Listening,
}

impl Double {
    /// Starts one; when this returns, it can be connected to. A death ends its connections, and it
    /// goes on with what it held, as under a supervisor that is very quick.
    pub fn start(folder: &Path) -> Double {
        let connections = Connections::default();
        let dying = connections.clone();
        let store = Arc::new(Store::new(None));
        let die = Arc::new(move || dying.end());
        Double::with(&folder.join("cri.sock"), store, connections, die)
    }

    /// The same with a store and a death of one's own.
    pub(super) fn with(
        socket: &Path,
        store: Arc<Store>,
        connections: Connections,
        die: Arc<dyn Fn() + Send + Sync>,
    ) -> Double {
        let service = Service(store.clone());
        let upstream = || {
            let routes = Routes::new(RuntimeServiceServer::new(service.clone()))
                .add_service(ImageServiceServer::new(service));
            let store = store.clone();
            Upstream::new(service_fn(move |request: Request<Body>| {
                let rpc = interface::name_of(request.uri().path()).to_owned();
                let careless = interface::find(&rpc).is_err()
                    && store.state().switched("unknown-rpcs-are-unknown");
                let routes = routes.clone();
                async move {
                    match careless {
                        true => Ok(Status::unknown(rpc).into_http()),
                        false => routes.oneshot(request).await.map_err(|never| match never {}),
                    }
                }
            }))
        };
        let bends = Bends::default();
        let listening = Listening::on(socket, upstream, bends.clone(), connections.clone(), die);
        let socket = socket.to_owned();
        Double { socket, store, bends, connections, restarter: None, _listening: listening }
    }

    /// Makes it differ by a rule.
    pub fn bend(&self, rule: &Rule) {
        let switches = rule.switches();
        self.store.put(|state| state.switches.extend(switches));
        self.bends.add_for_all(rule.clone());
    }

    /// Gives it the folders of a pod network.
    pub fn network(&self, conf: &Path, bin: &Path) {
        let [conf, bin] = [conf, bin].map(|folder| folder.display().to_string());
        self.store.put(|state| state.network = Some(Network { conf, bin }));
    }

    /// Makes it honest again.
    pub fn straighten(&self) {
        self.store.put(|state| state.switches.clear());
        self.bends.clear();
    }

    /// A shell command that restarts it, as far as anybody outside can see: all connections end, and
    /// rules count one restart more.
    pub fn restart_command(&mut self) -> String {
        let connections = self.connections.clone();
        let restarts = self.bends.restarts();
        let restarter = Restarter::start(&self.socket, move || {
            connections.end();
            restarts.fetch_add(1, Ordering::SeqCst);
        });
        let command = restarter.command();
        self.restarter = Some(restarter);
        command
    }
}
