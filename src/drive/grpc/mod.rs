//! Calls rpcs by descriptor and tells exactly how each call ended.

mod codec;
mod decode;
mod endpoint;
mod idle;
mod link;
mod notice;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::Poll,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};
use tonic::{Code, Request, Status};
use tower::service_fn;

pub use endpoint::Endpoint;
pub use link::Peer;

use self::{
    codec::RawCodec,
    idle::{Connection, Idle},
    link::Link,
    notice::{Noticing, Sent},
};
use super::clock::PendingClock;
use crate::suite::expr::{Value, value};

/// The largest message that we take.
const RECEIVE_LIMIT: usize = 64 * 1024 * 1024;

/// How much may be under way on a connection, in bytes: nearly the most that HTTP/2 allows.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// The same for one call.
const STREAM_WINDOW: u32 = 64 * 1024 * 1024;

/// The longest header: a refusal has its message in one. As much as clients in Go take.
const HEADER_LIMIT: u32 = 16 * 1024 * 1024;

/// How much longer than ourselves a target may think that it has.
const GRACE: Duration = Duration::from_secs(5);

/// In [`Answer::number`]: there was no `grpc-status`.
pub const NO_STATUS: i32 = -1;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered, with whatever code.
    Answered,
    /// Our deadline came first.
    Cut,
    /// The connection ended, or another process answers than before.
    Died(String),
    /// What came back is no proper answer: the field, or what the transport said.
    Broken(String),
    /// Nobody answered at the endpoint.
    Unreachable(String),
}

/// Everything that came of one call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The status code; `DeadlineExceeded` where we cut it, `Unavailable` where there was no answer.
    pub code: Code,
    /// The number of the status as the target sent it, which may be none of gRPC's; [`NO_STATUS`]
    /// where it sent none.
    pub number: i32,
    /// Whether the status had details (`grpc-status-details-bin`).
    pub details: bool,
    /// The status message as the target sent it.
    pub message: String,
    /// The reply of a unary call that was OK; all replies of a stream, also of one that we cut.
    pub replies: Vec<DynamicMessage>,
    /// Wall clock when it was sent.
    pub sent_at: SystemTime,
    /// Until the answer was complete.
    pub elapsed: Duration,
    /// The replies as expressions see them, once somebody wanted that.
    values: OnceLock<Vec<Value>>,
    /// How large request, replies and message are, in bytes as they were sent.
    pub size: usize,
}

impl Answer {
    /// Of a call that could not be made.
    pub fn none(why: &str) -> Answer {
        Answer {
            outcome: Outcome::Unreachable(why.to_owned()),
            code: Code::Unavailable,
            number: NO_STATUS,
            details: false,
            message: why.to_owned(),
            replies: Vec::new(),
            sent_at: SystemTime::now(),
            elapsed: Duration::ZERO,
            values: OnceLock::new(),
            size: 0,
        }
    }

    /// The reply of a unary call that was OK, or the last one of a stream; none of one that could not
    /// be decoded to its end.
    pub fn reply(&self) -> Option<&DynamicMessage> {
        match self.outcome {
            Outcome::Broken(_) => None,
            _ => self.replies.last(),
        }
    }

    /// All replies as expressions see them, made once.
    pub fn values(&self) -> &[Value] {
        self.values.get_or_init(|| self.replies.iter().map(value::from_message).collect())
    }

    /// [`Answer::reply`] as expressions see it.
    pub fn reply_value(&self) -> Option<&Value> {
        self.reply().and_then(|_| self.values().last())
    }
}

/// A client for one endpoint. Clones share the connection; see [`Grpc::apart`].
#[derive(Clone)]
pub struct Grpc {
    endpoint: Endpoint,
    connection: Connection,
    idle: Idle,
    clock: PendingClock,
    /// The target ends when a client goes.
    frail: bool,
}

/// Where a request goes, and what comes back.
struct Wire<'a> {
    path: String,
    /// The type of the replies, if they are to be decoded.
    output: Option<MessageDescriptor>,
    /// Whether there may be several.
    streams: bool,
    /// The reply that ends our interest in a stream.
    enough: Enough<'a>,
}

/// Says of a reply of a stream that no more are wanted.
pub type Enough<'a> = &'a (dyn Fn(&DynamicMessage) -> bool + Sync);

/// For streams that are read to their end.
pub const NEVER: Enough<'static> = &|_| false;

/// Why there is no use in starting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

impl Grpc {
    /// A client that connects at its first call and again whenever a connection has ended.
    pub fn new(endpoint: Endpoint, clock: PendingClock) -> Grpc {
        Grpc::with(endpoint, clock, Link::default(), Idle::default())
    }

    /// One that calls the same target over a connection of its own: what breaks the one leaves the
    /// calls on the other alone. What is known of the target's process they share. The connection may
    /// be one that was given back ([`Grpc::give_back`]).
    pub fn apart(&self) -> Grpc {
        match self.idle.take() {
            Some(connection) => Grpc { connection, ..self.clone() },
            None => {
                let link = self.connection.link.apart();
                Grpc::with(self.endpoint.clone(), self.clock.clone(), link, self.idle.clone())
            }
        }
    }

    /// Leaves the connection to whoever wants one apart, if every call on it was answered. No clone may
    /// be in use any more.
    pub fn give_back(&self) {
        self.idle.keep(self.connection.clone());
    }

    fn with(endpoint: Endpoint, clock: PendingClock, link: Link, idle: Idle) -> Grpc {
        let link = Arc::new(link);
        let channel = {
            let endpoint = endpoint.clone();
            let link = link.clone();
            // The name is never resolved: the connector goes to our endpoint whatever it says.
            tonic::transport::Endpoint::from_static("http://localhost")
                // A window that never closes: behind a small one h2 counts many small frames as an
                // attack of the target's, and a stream may be nothing else.
                .initial_connection_window_size(CONNECTION_WINDOW)
                .initial_stream_window_size(STREAM_WINDOW)
                .http2_max_header_list_size(HEADER_LIMIT)
                .connect_with_connector_lazy(service_fn(move |_: http::Uri| {
                    link::connect(endpoint.clone(), link.clone())
                }))
        };
        Grpc { endpoint, connection: Connection::new(channel, link), idle, clock, frail: false }
    }

    /// The same for a target that ends when a client goes: nobody connects but for calls.
    pub fn frail(self) -> Grpc {
        Grpc { frail: true, ..self }
    }

    /// Where it calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The process at the other side, where the system tells.
    pub fn peer(&self) -> Option<Peer> {
        self.connection.link.peer()
    }

    /// Tries to connect once, without a call.
    ///
    /// # Errors
    /// What a person should do about it.
    pub async fn probe(&self) -> Result<(), Unreachable> {
        let _pending = self.clock.start();
        let connecting = link::connect(self.endpoint.clone(), Arc::new(Link::default()));
        tokio::time::timeout(GRACE, connecting)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map(drop)
            .map_err(|error| Unreachable(advice(&self.endpoint, &error)))
    }

    /// Takes the process that answers now as the right one (after a restart).
    pub fn accept_peer(&self) {
        self.idle.forget();
        self.connection.link.accept();
    }

    /// Whether the process that was accepted is gone; says how that is known. Costs no call.
    pub fn death(&self) -> Option<String> {
        if let Some(how) = self.connection.link.changed() {
            return Some(how);
        }
        self.connection.link.gone().map(|peer| format!("process {} is gone", peer.pid))
    }

    /// Calls an rpc and waits for its end, `deadline` at most.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
        deadline: Duration,
    ) -> Answer {
        self.call_until(method, request, deadline, NEVER).await
    }

    /// The same for a stream that has no end: it is left after the reply that is `enough`.
    pub async fn call_until(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
        deadline: Duration,
        enough: Enough<'_>,
    ) -> Answer {
        let request = request.encode_to_vec().into();
        self.call_meanwhile(method, request, deadline, enough, || ()).await
    }

    /// The same with a message that is encoded already, and something short is done while the target is at
    /// it, once: an answer that comes before that is done is taken after it.
    pub async fn call_meanwhile(
        &self,
        method: &MethodDescriptor,
        request: Bytes,
        deadline: Duration,
        enough: Enough<'_>,
        meanwhile: impl FnOnce() + Send,
    ) -> Answer {
        let wire = Wire {
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            output: Some(method.output()),
            streams: method.is_server_streaming(),
            enough,
        };
        self.exchange(&wire, request, deadline, meanwhile).await
    }

    /// Sends any bytes to any path as one unary call; what an OK holds is not looked at.
    pub async fn send(&self, path: &str, body: Bytes, deadline: Duration) -> Answer {
        let wire = Wire { path: path.to_owned(), output: None, streams: false, enough: NEVER };
        self.exchange(&wire, body, deadline, || ()).await
    }

    async fn exchange(
        &self,
        wire: &Wire<'_>,
        body: Bytes,
        deadline: Duration,
        meanwhile: impl FnOnce() + Send,
    ) -> Answer {
        self.connection.begin();
        let ended_before = self.connection.link.ended();
        let sent_at = SystemTime::now();
        let begin = Instant::now();
        let pending = self.clock.start();
        let size = body.len();
        let sent = Sent::default();
        let bodies = Mutex::new(Vec::new());
        let transfer = self.transfer(wire, body, deadline, &sent, &bodies);
        let received = with(tokio::time::timeout(deadline, transfer), meanwhile).await;
        drop(pending);
        let elapsed = begin.elapsed();
        let mut answer = Answer {
            outcome: Outcome::Answered,
            code: Code::Ok,
            number: sent.number().unwrap_or(NO_STATUS),
            details: sent.has_details(),
            message: String::new(),
            replies: Vec::new(),
            sent_at,
            elapsed,
            values: OnceLock::new(),
            size,
        };
        for body in bodies.into_inner().unwrap_or_else(PoisonError::into_inner) {
            answer.size += body.len();
            let Some(output) = &wire.output else { break };
            match decode::decode(output, &body) {
                Ok(reply) => answer.replies.push(reply),
                Err(fault) => {
                    answer.outcome = Outcome::Broken(fault.clone());
                    answer.code = Code::Internal;
                    answer.message = format!("the reply cannot be decoded: {fault}");
                    return answer;
                }
            }
        }
        let status = match received {
            Err(_) => {
                answer.outcome = Outcome::Cut;
                answer.code = Code::DeadlineExceeded;
                answer.message = late(deadline);
                return answer;
            }
            Ok(status) => status,
        };
        if let Some(status) = status {
            answer.code = status.code();
            answer.message = status.message().to_owned();
            answer.size += answer.message.len();
            if !sent.is(status.code()) {
                answer.outcome = self.classify(&status, ended_before, deadline, elapsed).await;
                if let Outcome::Died(how) | Outcome::Broken(how) | Outcome::Unreachable(how) =
                    &answer.outcome
                {
                    answer.message.clone_from(how);
                }
                if answer.outcome == Outcome::Cut {
                    answer.code = Code::DeadlineExceeded;
                    answer.message = late(deadline);
                }
            }
        }
        if answer.outcome == Outcome::Answered
            && let Some(how) = self.connection.link.changed()
        {
            answer.outcome = Outcome::Died(how);
        }
        let whole = wire.output.is_some() && !sent.was_left();
        if answer.outcome == Outcome::Answered && whole {
            self.connection.answered();
        }
        answer
    }

    /// Puts the bodies where they outlive our deadline; gives the status if it was not OK.
    async fn transfer(
        &self,
        wire: &Wire<'_>,
        body: Bytes,
        deadline: Duration,
        sent: &Sent,
        bodies: &Mutex<Vec<Bytes>>,
    ) -> Option<Status> {
        let keep = |body| bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        let path = match PathAndQuery::try_from(wire.path.as_str()) {
            Ok(path) => path,
            Err(error) => return Some(Status::internal(error.to_string())),
        };
        let channel = Noticing { channel: self.connection.channel.clone(), sent: sent.clone() };
        let mut client = tonic::client::Grpc::new(channel)
            .max_decoding_message_size(RECEIVE_LIMIT)
            .max_encoding_message_size(RECEIVE_LIMIT);
        if let Err(error) = client.ready().await {
            return Some(Status::from_error(error.into()));
        }
        let mut request = Request::new(body);
        // Ours comes first, so that "no answer in time" is never taken for an answer of the target's.
        request.set_timeout(deadline + GRACE);
        if wire.streams {
            match client.server_streaming(request, path, RawCodec).await {
                Err(status) => Some(status),
                Ok(response) => {
                    let mut stream = response.into_inner();
                    loop {
                        match stream.message().await {
                            Ok(Some(body)) => {
                                let reply = wire
                                    .output
                                    .as_ref()
                                    .and_then(|output| decode::decode(output, &body).ok());
                                keep(body);
                                if reply.is_some_and(|reply| (wire.enough)(&reply)) {
                                    sent.leave();
                                    return None;
                                }
                            }
                            Ok(None) => return None,
                            Err(status) => return Some(status),
                        }
                    }
                }
            }
        } else {
            match client.unary(request, path, RawCodec).await {
                Ok(response) => {
                    keep(response.into_inner());
                    None
                }
                Err(status) => Some(status),
            }
        }
    }

    /// What a status means that the target did not send.
    async fn classify(
        &self,
        status: &Status,
        ended_before: u64,
        deadline: Duration,
        elapsed: Duration,
    ) -> Outcome {
        if status.code() == Code::DeadlineExceeded || elapsed >= deadline {
            return Outcome::Cut;
        }
        if self.connection.link.ended() != ended_before {
            let how = match self.death() {
                Some(how) => format!("the connection ended in the middle of the call; {how}"),
                None => "the connection ended in the middle of the call".to_owned(),
            };
            return Outcome::Died(how);
        }
        // One more client that goes would end it.
        if self.frail {
            return Outcome::Broken(chain(status));
        }
        match self.probe().await {
            Err(Unreachable(why)) if self.connection.link.has_met() => {
                Outcome::Died(format!("nobody answers any more: {why}"))
            }
            Err(Unreachable(why)) => Outcome::Unreachable(why),
            Ok(()) => Outcome::Broken(chain(status)),
        }
    }
}

/// Begins with a future, does something beside it, and waits for its end.
async fn with<T>(future: impl Future<Output = T>, meanwhile: impl FnOnce()) -> T {
    let mut future = pin!(future);
    let begun = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    if begun.is_pending() {
        // The connection is a task of its own, and this one must not stand in its way.
        tokio::task::yield_now().await;
    }
    meanwhile();
    match begun {
        Poll::Ready(done) => done,
        Poll::Pending => future.await,
    }
}

fn late(deadline: Duration) -> String {
    format!("no answer within {}", humantime::format_duration(deadline))
}

/// The message of a status that our own side made, with all its causes, in one line.
fn chain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(inner) = cause {
        let told = inner.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = inner.source();
    }
    text
}

/// What to do when a connection cannot be made.
fn advice(endpoint: &Endpoint, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match (endpoint, error.kind()) {
        (Endpoint::Unix(path), ErrorKind::NotFound) => format!(
            "there is no socket {}: is it running, and is that its socket? (--endpoint)",
            path.display()
        ),
        (Endpoint::Unix(path), ErrorKind::PermissionDenied) => format!(
            "no permission to open {}: run stdcheck as a user who may (often root)",
            path.display()
        ),
        (Endpoint::Unix(path), ErrorKind::ConnectionRefused) => format!(
            "nobody listens on {}: either it is no socket, or whoever made it is gone",
            path.display()
        ),
        (endpoint, _) => format!("cannot connect to {endpoint}: {error}"),
    }
}
