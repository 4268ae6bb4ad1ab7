//! Listens on a unix socket until it is dropped, before whatever serves.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::UnixListener, runtime::Runtime, task::AbortHandle};

use super::{
    bend::Bends,
    layer::{Bent, Upstream},
};

/// The connections that stand. Clones are one.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Vec<AbortHandle>>>);

impl Connections {
    /// Ends them all.
    pub fn end(&self) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.drain(..).for_each(|connection| connection.abort());
    }

    fn add(&self, connection: AbortHandle) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|known| !known.is_finished());
        connections.push(connection);
    }
}

/// A thread that serves, and the runtime that goes on without its work when this is dropped.
pub struct Listening(Option<Runtime>);

impl Listening {
    /// Listens; when this returns, it can be connected to. `upstream` is made inside of the runtime.
    pub fn on(
        socket: &Path,
        upstream: impl FnOnce() -> Upstream,
        bends: Bends,
        connections: Connections,
        die: Arc<dyn Fn() + Send + Sync>,
    ) -> Listening {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // What an earlier life left.
        let _ = std::fs::remove_file(socket);
        let (listener, upstream) = {
            let _inside = runtime.enter();
            (UnixListener::bind(socket).expect("the socket can be made"), upstream())
        };
        let bent = Bent { upstream, bends, die };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bent = bent.clone();
                let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| bent.clone().answer(request)),
                );
                connections.add(tokio::spawn(connection).abort_handle());
            }
        });
        Listening(Some(runtime))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
