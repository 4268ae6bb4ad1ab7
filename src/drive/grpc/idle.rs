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

/// Nor should it meet the end of one that was not used for a while.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// A connection and what is known of it; it is made at the first call.
#[derive(Clone)]
pub struct Connection {
    /// What calls go through.
    pub channel: Channel,
    /// How often it has ended, and who is at the other side.
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
pub struct Idle(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Each with the time since which nobody has used it.
    connections: Vec<(Connection, Instant)>,
    /// When the process changed at the other side.
    forgot: Option<Instant>,
}

impl Idle {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that may be used, if there is one.
    pub fn take(&self) -> Option<Connection> {
        let connections = &mut self.kept().connections;
        connections.retain(|(connection, since)| {
            connection.is_spotless() && since.elapsed() < LONGEST_REST
        });
        connections.pop().map(|(connection, _)| connection)
    }

    /// Keeps one, if it may be used again. Nobody else may have it then.
    pub fn keep(&self, connection: Connection) {
        let mut kept = self.kept();
        let leads_on = kept.forgot.is_none_or(|forgot| connection.born > forgot);
        if leads_on && connection.is_spotless() {
            kept.connections.push((connection, Instant::now()));
        }
    }

    /// All that there are lead to a process that is gone, those that are in use, too.
    pub fn forget(&self) {
        let mut kept = self.kept();
        kept.connections.clear();
        kept.forgot = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let channel = tonic::transport::Endpoint::from_static("http://localhost").connect_lazy();
        Connection::new(channel, Arc::default())
    }

    #[tokio::test]
    async fn one_is_used_again_only_if_every_call_on_it_was_answered() {
        let idle = Idle::default();
        let (good, cut) = (connection(), connection());
        good.begin();
        good.answered();
        cut.begin();
        idle.keep(good);
        idle.keep(cut);
        assert!(idle.take().is_some());
        assert!(idle.take().is_none());
    }

    #[tokio::test]
    async fn none_outlives_the_process_at_the_other_side() {
        let idle = Idle::default();
        let (kept, in_use) = (connection(), connection());
        idle.keep(kept);
        idle.forget();
        idle.keep(in_use);
        assert!(idle.take().is_none());
        idle.keep(connection());
        assert!(idle.take().is_some());
    }
}
