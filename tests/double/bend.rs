//! Bends the double: a hook sees every request before it is served and every answer before it is
//! sent, and may do something else instead.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use prost::Message;
use prost_reflect::DynamicMessage;
use serde::{Deserialize, Serialize};
use stdcheck::suite::rpc;
use tonic::Code;

/// A request as a bend sees it.
pub struct Call {
    /// `RuntimeService/Version`
    pub rpc: String,
    /// How often this rpc was called, with this one: 1 for the first.
    pub nth: usize,
    /// The encoded message.
    pub request: Bytes,
}

impl Call {
    /// The request as its type.
    pub fn request<M: Message + Default>(&self) -> M {
        M::decode(self.request.clone()).expect("what stdcheck sends is sound")
    }

    /// The request by its descriptor.
    pub fn message(&self) -> DynamicMessage {
        let method = rpc::find("runtime.v1", &self.rpc).expect("an rpc of the interface");
        DynamicMessage::decode(method.input(), self.request.clone()).expect("it is sound")
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
}

impl Answer {
    /// An OK with these bytes as its reply, whatever they are.
    pub fn bytes(reply: impl Into<Bytes>) -> Answer {
        let replies = vec![reply.into()];
        Answer { code: Code::Ok, message: String::new(), replies, body: None }
    }

    /// An OK with a proper reply.
    pub fn reply(reply: &impl Message) -> Answer {
        Answer::bytes(reply.encode_to_vec())
    }

    /// A refusal.
    pub fn refusal(code: Code, message: &str) -> Answer {
        Answer { code, message: message.to_owned(), replies: Vec::new(), body: None }
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
    /// Before the request is served.
    fn before(&self, _: &Call) -> Deed {
        Deed::Serve
    }

    /// Before the answer is sent.
    fn after(&self, _: &Call, _: &mut Answer) {}
}

struct Before<F>(F);
struct After<F>(F);

impl<F: Fn(&Call) -> Deed + Send + Sync> Bend for Before<F> {
    fn before(&self, call: &Call) -> Deed {
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
}

impl Bends {
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

    /// Counts a call and gives it back with the bends for its rpc.
    pub(super) fn begin(&self, rpc: &str, request: Bytes) -> (Call, Vec<Arc<dyn Bend>>) {
        let mut inner = self.lock();
        let count = inner.calls.entry(rpc.to_owned()).or_default();
        *count += 1;
        let call = Call { rpc: rpc.to_owned(), nth: *count, request };
        let of_rpc = inner.bends.iter().filter(|(of, _)| of == rpc);
        (call, of_rpc.map(|(_, bend)| bend.clone()).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bend as data, which can be handed to a double in another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Defect {
    /// The rpc that it bends.
    pub rpc: String,
    /// Which calls it bends.
    pub when: When,
    /// What is done.
    pub effect: Effect,
}

/// Which calls of its rpc a defect bends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum When {
    /// Every one.
    Always,
    /// Only this one in the double's life, counted from 1.
    Nth(usize),
    /// Those without this message: `config.metadata`.
    Lacks(String),
}

impl When {
    fn fits(&self, call: &Call) -> bool {
        match self {
            When::Always => true,
            When::Nth(nth) => *nth == call.nth,
            When::Lacks(path) => !has(&call.message(), path),
        }
    }
}

/// Whether a message has the message at the end of a path.
fn has(message: &DynamicMessage, path: &str) -> bool {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    if !message.has_field_by_name(name) {
        return false;
    }
    let field = message.get_field_by_name(name).expect("a field of the message");
    rest.is_empty() || field.as_message().is_some_and(|inner| has(inner, rest))
}

/// What a defect does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// See [`Deed::Die`].
    Die,
    /// See [`Deed::Hang`].
    Hang,
    /// A refusal with that status code.
    Refuse(i32),
    /// An OK with those bytes as its reply.
    Bytes(Vec<u8>),
}

impl Bend for Defect {
    fn before(&self, call: &Call) -> Deed {
        if !self.when.fits(call) {
            return Deed::Serve;
        }
        match &self.effect {
            Effect::Die => Deed::Die,
            Effect::Hang => Deed::Hang,
            Effect::Refuse(code) => Deed::Answer(Answer::refusal((*code).into(), "bent")),
            Effect::Bytes(bytes) => Deed::Answer(Answer::bytes(bytes.clone())),
        }
    }
}
