//! Listens on a unix socket until it is dropped.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use stdcheck::proto::cri::v1::{
    image_service_server::ImageServiceServer, runtime_service_server::RuntimeServiceServer,
};
use tokio::{net::UnixListener, runtime::Runtime, task::AbortHandle};
use tonic::service::Routes;

use super::{bend::Bends, layer::Bent, service::Service, state::Store};

/// A double in this process.
pub struct Double {
    /// Where it listens.
    pub socket: PathBuf,
    /// What it holds.
    pub store: Arc<Store>,
    /// How it is bent.
    pub bends: Bends,
    runtime: Option<Runtime>,
}

impl Double {
    /// Starts one; when this returns, it can be connected to. A death ends its connections, and it
    /// goes on with what it held, as under a supervisor that is very quick.
    pub fn start(folder: &Path) -> Double {
        let connections: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let die = {
            let connections = connections.clone();
            move || {
                let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
                connections.drain(..).for_each(|connection| connection.abort());
            }
        };
        let store = Arc::new(Store::new(None));
        Double::with(&folder.join("cri.sock"), store, connections, Arc::new(die))
    }

    /// The same with a store and a death of one's own.
    pub(super) fn with(
        socket: &Path,
        store: Arc<Store>,
        connections: Arc<Mutex<Vec<AbortHandle>>>,
        die: Arc<dyn Fn() + Send + Sync>,
    ) -> Double {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let service = Service(store.clone());
        let routes = Routes::new(RuntimeServiceServer::new(service.clone()))
            .add_service(ImageServiceServer::new(service));
        let bends = Bends::default();
        let bent = Bent { routes, bends: bends.clone(), die };
        // What an earlier life left.
        let _ = std::fs::remove_file(socket);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket).expect("the socket can be made")
        };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bent = bent.clone();
                let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| bent.clone().answer(request)),
                );
                let task = tokio::spawn(connection);
                connections
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(task.abort_handle());
            }
        });
        Double { socket: socket.to_owned(), store, bends, runtime: Some(runtime) }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
