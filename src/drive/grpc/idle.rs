//! Connections that nobody uses at the moment. To make one takes a target longer than to answer, and checks
//! come by the hundred.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::transport::Channel;

use super::link::Link;

/// Servers may end connections of a certain age, which is nothing that a check should meet.
const OLDEST: Duration = Duration::from_secs(1);

/// A connection and what is known of it; it is made at the first call.
#[derive(Clone)]
pub struct Connection {
    pub channel: Channel,
    pub link: Arc<Link>,
    born: Instant,
    /// How many calls have not ended with an answer: they are under way, were cut or left, or the target sent
    /// what is none. Nobody else shall have to do with what they did to the connection.
    open: Arc<AtomicUsize>,
}

impl Connection {
    /// A new one.
    pub fn new(channel: Channel, link: Arc<Link>) -> Connection {
        Connection { channel, link, born: Instant::now(), open: Arc::default() }
    }

    /// A call begins.
    pub fn begin(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    /// It ended with an answer. Of one that did not this is not said.
    pub fn answered(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether it is as good as a new one.
    fn is_spotless(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
            && self.link.ended() == 0
            && self.born.elapsed() < OLDEST
    }
}

/// Those of all clients of one target.
#[derive(Clone, Default)]
pub struct Idle(Arc<Mutex<Vec<Connection>>>);

impl Idle {
    fn all(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that may be used, if there is one.
    pub fn take(&self) -> Option<Connection> {
        let mut all = self.all();
        all.retain(Connection::is_spotless);
        all.pop()
    }

    /// Keeps one, if it may be used again. Nobody else may have it then.
    pub fn keep(&self, connection: Connection) {
        if connection.is_spotless() {
            self.all().push(connection);
        }
    }

    /// They lead to a process that is gone.
    pub fn forget(&self) {
        self.all().clear();
    }
}
