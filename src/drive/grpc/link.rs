//! Connections to the target that notice when they end, and who is at the other side.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::endpoint::Endpoint;
use crate::drive::process::{Hold, start_time};

/// The process that listens on a unix socket. A restart changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process id in our pid namespace.
    pub pid: i32,
    /// When it started, in clock ticks since boot: a process id can come back.
    started: u64,
}

impl Peer {
    /// One that nothing is known of but its id.
    fn of(pid: i32) -> Option<Peer> {
        Some(Peer { pid, started: start_time(pid)? })
    }

    /// Whether that very process still runs.
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

/// What is known of the connections of one client.
#[derive(Debug, Default)]
pub struct Link {
    /// How many connections of this client have ended.
    ended: AtomicU64,
    /// Of all clients of one target.
    peers: Arc<Mutex<Option<Peers>>>,
    /// Whether any of these clients has been connected: who is at the other side of TCP is not known.
    met: Arc<AtomicBool>,
}

/// Who is at the other side.
#[derive(Debug)]
struct Peers {
    /// The peer of the first connection, or of the one that was accepted later.
    accepted: Peer,
    /// That of the newest connection.
    newest: Peer,
    /// The newest one's life, where the system lets us hold on to it.
    life: Option<Hold>,
}

impl Peers {
    fn is_alive(&self) -> bool {
        self.life.as_ref().map_or_else(|| self.newest.is_alive(), |life| !life.is_over())
    }
}

impl Link {
    /// That of another client of the same target.
    pub fn apart(&self) -> Link {
        Link { ended: AtomicU64::new(0), peers: self.peers.clone(), met: self.met.clone() }
    }

    /// How many connections have ended so far.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    fn peers(&self) -> MutexGuard<'_, Option<Peers>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the target has been reached before.
    pub fn has_met(&self) -> bool {
        self.met.load(Ordering::SeqCst)
    }

    /// The process behind the newest connection.
    pub fn peer(&self) -> Option<Peer> {
        self.peers().as_ref().map(|peers| peers.newest)
    }

    /// That process, if it is gone.
    pub fn gone(&self) -> Option<Peer> {
        self.peers().as_ref().filter(|peers| !peers.is_alive()).map(|peers| peers.newest)
    }

    /// Whether another process answers than the one that was accepted before; says which.
    pub fn changed(&self) -> Option<String> {
        let peers = self.peers();
        let Peers { accepted, newest, .. } = peers.as_ref()?;
        (accepted != newest)
            .then(|| format!("process {} was replaced by process {}", accepted.pid, newest.pid))
    }

    /// From now on the newest process is the right one (after a restart that was told).
    pub fn accept(&self) {
        if let Some(peers) = self.peers().as_mut() {
            peers.accepted = peers.newest;
        }
    }

    /// Takes note of who is at the other side of a new connection.
    fn meet(&self, stream: &UnixStream) {
        // Zero: the peer lives in a pid namespace that we cannot see.
        let Some(pid) = stream.peer_cred().ok().and_then(|of| of.pid()).filter(|pid| *pid > 0)
        else {
            return;
        };
        let mut peers = self.peers();
        // The id of one that lives is its own.
        if peers.as_ref().is_some_and(|peers| peers.newest.pid == pid && peers.is_alive()) {
            return;
        }
        let life = Hold::on(pid);
        let Some(newest) = Peer::of(pid) else { return };
        let accepted = peers.as_ref().map_or(newest, |peers| peers.accepted);
        *peers = Some(Peers { accepted, newest, life });
    }
}

/// Connects once.
///
/// # Errors
/// The system's error.
pub async fn connect(endpoint: Endpoint, link: Arc<Link>) -> io::Result<TokioIo<Watched>> {
    let stream: Box<dyn Stream> = match endpoint {
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path).await?;
            link.meet(&stream);
            Box::new(stream)
        }
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    link.met.store(true, Ordering::SeqCst);
    Ok(TokioIo::new(Watched { stream, link, over: AtomicBool::new(false) }))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that tells its [`Link`] when the other side ends it.
pub struct Watched {
    stream: Box<dyn Stream>,
    link: Arc<Link>,
    over: AtomicBool,
}

impl Watched {
    fn end(&self) {
        if !self.over.swap(true, Ordering::SeqCst) {
            self.link.ended.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let wanted = buf.remaining();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &result {
            Poll::Ready(Ok(())) if buf.filled().len() == before && wanted > 0 => self.end(),
            Poll::Ready(Err(_)) => self.end(),
            _ => {}
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        if matches!(result, Poll::Ready(Err(_))) {
            self.end();
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
