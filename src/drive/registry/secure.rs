//! Connections with TLS. Those that are still being made hold nobody up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, InvalidMessage, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::Shared;

type Made = io::Result<(TlsStream<TcpStream>, SocketAddr)>;

/// Accepts connections, and hands them on when both sides agree.
pub(super) struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    making: FuturesUnordered<BoxFuture<'static, Made>>,
    shared: Arc<Shared>,
}

impl Secure {
    pub fn new(listener: TcpListener, config: Arc<ServerConfig>, shared: Arc<Shared>) -> Self {
        Self { listener, acceptor: config.into(), making: FuturesUnordered::new(), shared }
    }

    fn failed(&self, error: &io::Error) {
        let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let noticed = match error {
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                |noticed: &mut super::Noticed| noticed.plain += 1
            }
            Some(rustls::Error::AlertReceived(_)) => {
                |noticed: &mut super::Noticed| noticed.distrust += 1
            }
            // Somebody who goes away has said nothing.
            _ => return,
        };
        self.shared.record.notice(noticed);
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener) => {
                    // Answers are written whole; waiting for more would only cost time.
                    let _ = stream.set_nodelay(true);
                    let made = self.acceptor.accept(stream);
                    self.making.push(Box::pin(async move { Ok((made.await?, address)) }));
                }
                Some(made) = self.making.next() => match made {
                    Ok(made) => return made,
                    Err(error) => self.failed(&error),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
