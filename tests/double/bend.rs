//! Bends the double or what stands behind a proxy: a hook sees every request before it is served and
//! every answer before it is sent, and may do something else instead. What is written in files of
//! rules is such a hook ([`super::rule`]); a test may add a closure.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
    time::Duration,
};

use bytes::Bytes;
use prost::Message;
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use tonic::Code;

use super::{interface, rule::Hit};

/// A request as a bend sees it.
pub struct Call {
    /// `RuntimeService/Version`
    pub rpc: String,
    /// How often this rpc was called, with this one: 1 for the first.
    pub nth: usize,
    /// The encoded message, as it will be served.
    pub request: Bytes,
    /// The same as it was sent.
    pub sent: Bytes,
    /// How long to wait before it is served.
    pub wait: Duration,
    /// How long to wait before the answer is sent.
    pub late: Duration,
    /// The bends of rules that mean it.
    pub hits: Vec<Hit>,
    /// How often the runtime was restarted so far.
    pub restarts: Arc<AtomicI64>,
    method: MethodDescriptor,
}

impl Call {
    /// The request as its type.
    pub fn request<M: Message + Default>(&self) -> M {
        M::decode(self.request.clone()).expect("what stdcheck sends is sound")
    }

    /// The type of the request.
    pub fn input(&self) -> MessageDescriptor {
        self.method.input()
    }

    /// Whether it is answered with a stream.
    pub fn is_stream(&self) -> bool {
        self.method.is_server_streaming()
    }

    /// The type of the reply.
    pub fn output(&self) -> MessageDescriptor {
        self.method.output()
    }
}

/// An answer as a bend sees and changes it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub code: Code,
    /// Its message.
    pub message: String,
    /// The encoded replies: one, where the answer is OK and no stream.
    pub replies: Vec<Bytes>,
    /// Bytes that are sent in place of the replies in their frames.
    pub body: Option<Bytes>,
    /// What of the status is not as the code says.
    pub wire: WireStatus,
}

/// A status as no server would write it by itself.
#[derive(Clone, Debug, Default)]
pub struct WireStatus {
    /// The number, in place of the code's.
    pub number: Option<i32>,
    /// What `grpc-status-details-bin` holds.
    pub details: Option<Bytes>,
    /// There is no status at all.
    pub lost: bool,
}

impl Answer {
    /// An OK with these bytes as its reply, whatever they are.
    pub fn bytes(reply: impl Into<Bytes>) -> Answer {
        let replies = vec![reply.into()];
        let wire = WireStatus::default();
        Answer { code: Code::Ok, message: String::new(), replies, body: None, wire }
    }

    /// An OK with a proper reply.
    pub fn reply(reply: &impl Message) -> Answer {
        Answer::bytes(reply.encode_to_vec())
    }

    /// One that a mistaken rule gives: nothing passes with it.
    pub fn none() -> Answer {
        Answer::refusal(Code::Internal, "the rule is mistaken")
    }

    /// A refusal.
    pub fn refusal(code: Code, message: &str) -> Answer {
        let replies = Vec::new();
        Answer { code, message: message.to_owned(), replies, ..Answer::bytes("") }
    }

    /// An OK whose body is no frame.
    pub fn body(body: impl Into<Bytes>) -> Answer {
        Answer { body: Some(body.into()), ..Answer::bytes("") }
    }

    /// Changes the replies.
    pub fn edit<M: Message + Default>(&mut self, change: impl Fn(&mut M)) {
        for reply in &mut self.replies {
            let mut message = M::decode(reply.clone()).expect("our own reply");
            change(&mut message);
            *reply = message.encode_to_vec().into();
        }
    }
}

/// What is done with a request.
pub enum Deed {
    /// Serves it.
    Serve,
    /// Answers this and serves nothing.
    Answer(Answer),
    /// Ends every connection without an answer; as its own process, ends.
    Die,
    /// Never answers.
    Hang,
}

/// A way to differ from an honest runtime.
pub trait Bend: Send + Sync {
    /// Before the request is served; may change it.
    fn before(&self, _: &mut Call) -> Deed {
        Deed::Serve
    }

    /// Once it was served: further calls to be made, by rpc and encoded request.
    fn also(&self, _: &Call, _: &Answer) -> Vec<(String, Bytes)> {
        Vec::new()
    }

    /// Before the answer is sent.
    fn after(&self, _: &Call, _: &mut Answer) {}
}

struct Before<F>(F);
struct After<F>(F);

impl<F: Fn(&Call) -> Deed + Send + Sync> Bend for Before<F> {
    fn before(&self, call: &mut Call) -> Deed {
        (self.0)(call)
    }
}

impl<F: Fn(&Call, &mut Answer) + Send + Sync> Bend for After<F> {
    fn after(&self, call: &Call, answer: &mut Answer) {
        (self.0)(call, answer);
    }
}

/// All bends of a double, by rpc, and how often each rpc was called. Clones are one.
#[derive(Clone, Default)]
pub struct Bends(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    bends: Vec<(String, Arc<dyn Bend>)>,
    calls: BTreeMap<String, usize>,
    restarts: Arc<AtomicI64>,
}

/// Stands for every rpc.
const ALL: &str = "*";

impl Bends {
    /// Adds a bend that looks at every rpc.
    pub fn add_for_all(&self, bend: impl Bend + 'static) {
        self.add(ALL, bend);
    }

    /// Adds a bend for one rpc.
    pub fn add(&self, rpc: &str, bend: impl Bend + 'static) {
        self.lock().bends.push((rpc.to_owned(), Arc::new(bend)));
    }

    /// Has a closure decide what is done with each request for an rpc.
    pub fn before(&self, rpc: &str, bend: impl Fn(&Call) -> Deed + Send + Sync + 'static) {
        self.add(rpc, Before(bend));
    }

    /// Has a closure change each answer of an rpc.
    pub fn after(&self, rpc: &str, bend: impl Fn(&Call, &mut Answer) + Send + Sync + 'static) {
        self.add(rpc, After(bend));
    }

    /// Makes the double honest again.
    pub fn clear(&self) {
        self.lock().bends.clear();
    }

    /// How often an rpc was called.
    pub fn calls(&self, rpc: &str) -> usize {
        self.lock().calls.get(rpc).copied().unwrap_or(0)
    }

    /// How often the runtime was restarted, as rules see it.
    pub fn restarts(&self) -> Arc<AtomicI64> {
        self.lock().restarts.clone()
    }

    /// Counts a call and gives it back with the bends for its rpc. None: the interface has no such rpc.
    pub(super) fn begin(&self, name: &str, request: Bytes) -> Option<(Call, Vec<Arc<dyn Bend>>)> {
        let method = interface::find(name).ok()?;
        let mut inner = self.lock();
        let count = inner.calls.entry(name.to_owned()).or_default();
        *count += 1;
        let call = Call {
            rpc: name.to_owned(),
            nth: *count,
            sent: request.clone(),
            request,
            wait: Duration::ZERO,
            late: Duration::ZERO,
            hits: Vec::new(),
            restarts: inner.restarts.clone(),
            method,
        };
        let of_rpc = inner.bends.iter().filter(|(of, _)| of == name || of == ALL);
        Some((call, of_rpc.map(|(_, bend)| bend.clone()).collect()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
