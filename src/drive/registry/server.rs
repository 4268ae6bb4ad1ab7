//! The thread that serves.
//!
//! One of its own, with a runtime that stays on it: the thread may be in another network namespace than the rest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::secure::Secure;
use super::tls::Watch;
use super::{Listen, RegistryError, Shared, namespace, record};

/// How long requests that are being answered may go on once the registry is dropped.
const GRACE: Duration = Duration::from_millis(500);

/// A serving thread; it ends when this is dropped.
pub(super) struct Server {
    pub address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the thread and waits until it listens.
    pub fn start(
        listen: Listen,
        tls: Option<Arc<ServerConfig>>,
        shared: Arc<Shared>,
    ) -> Result<Self, RegistryError> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (tell, told) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("registry".into())
            .spawn(move || run(&listen, tls, shared, stopped, &tell))?;
        let address = told.recv().expect("the thread tells before it ends")?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed; nothing is left to do about it.
            let _ = thread.join();
        }
    }
}

fn run(
    listen: &Listen,
    tls: Option<Arc<ServerConfig>>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tell: &mpsc::SyncSender<Result<SocketAddr, RegistryError>>,
) {
    if let Some(netns) = &listen.netns
        && let Err(error) = namespace::enter(netns)
    {
        return drop(tell.send(Err(error)));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error.into()))),
    };
    runtime.block_on(async {
        let failed = |source| RegistryError::Listen { address: listen.address, source };
        let bound = TcpListener::bind(listen.address)
            .await
            .and_then(|listener| Ok((listener.local_addr()?, listener)))
            .map_err(failed);
        match bound {
            Ok((address, listener)) => {
                drop(tell.send(Ok(address)));
                match tls {
                    Some(tls) => {
                        let listener = Secure::new(listener, tls, Arc::clone(&shared));
                        serve(listener, shared, stop).await;
                    }
                    None => {
                        let listener = Watch::new(listener, Arc::clone(&shared));
                        serve(listener, shared, stop).await;
                    }
                }
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
}

async fn serve(
    listener: impl Listener<Addr = SocketAddr>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let app = Router::new().fallback(record::answer).with_state(shared);
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        _ = &mut serving => return,
        () = stop.cancelled() => {}
    }
    // A client that neither reads nor closes must not keep the run from ending.
    let _ = tokio::time::timeout(GRACE, serving).await;
}
