//! A call as it went: evidence and invariants both want it, and the check goes on meanwhile.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{evidence::Redactor, sent::Sent};
use crate::{
    drive::grpc::Answer,
    events::Exchange,
    suite::{
        expr::{Value, value},
        rpc,
    },
};

/// One call and its answer.
#[derive(Debug)]
pub struct Seen {
    /// `Service/Rpc`
    pub rpc: String,
    /// What was sent.
    pub request: Sent,
    /// What came back.
    pub answer: Arc<Answer>,
    /// The check or situation that made the call.
    pub during: String,
    /// How long after the run's beginning it was sent.
    pub at: Duration,
    shown: OnceLock<Arc<Exchange>>,
}

impl Seen {
    /// One that nobody has looked at yet.
    pub fn new(
        rpc: String,
        request: Sent,
        answer: Arc<Answer>,
        during: String,
        at: Duration,
    ) -> Seen {
        Seen { rpc, request, answer, during, at, shown: OnceLock::new() }
    }

    /// As evidence: made by whoever wants it first.
    pub fn shown(&self, redactor: &Redactor) -> Arc<Exchange> {
        let shown = self.shown.get_or_init(|| {
            let request = redactor.message(self.request.message());
            Arc::new(exchange(&self.rpc, request, &self.answer, self.at, redactor))
        });
        shown.clone()
    }
}

/// Evidence of a check.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A call.
    Call(Arc<Seen>),
    /// What a verb did.
    Verb(Arc<Did>),
    /// Anything else, and calls whose replies are too large to be kept.
    Told(Arc<Exchange>),
}

impl Evidence {
    /// The same without the messages themselves.
    pub fn told(&self, redactor: &Redactor) -> Evidence {
        Evidence::Told(self.shown(redactor))
    }

    /// For the reader.
    pub fn shown(&self, redactor: &Redactor) -> Arc<Exchange> {
        match self {
            Evidence::Call(seen) => seen.shown(redactor),
            Evidence::Verb(did) => Arc::new(did.shown(redactor)),
            Evidence::Told(exchange) => exchange.clone(),
        }
    }
}

/// What a verb did.
#[derive(Debug)]
pub struct Did {
    /// Its name.
    pub verb: String,
    /// What it was given.
    pub params: Value,
    /// What came of it; otherwise one line that says why nothing did.
    pub result: Result<Value, String>,
    /// How long after the run's beginning it was begun.
    pub at: Duration,
    /// Until it was done.
    pub took: Duration,
}

impl Did {
    fn shown(&self, redactor: &Redactor) -> Exchange {
        let json = |value: &Value| redactor.json(value::to_json(value));
        Exchange {
            what: self.verb.clone(),
            request: json(&self.params),
            command: None,
            reply: self.result.as_ref().ok().map(json),
            code: if self.result.is_ok() { "OK" } else { "ERROR" }.to_owned(),
            message: self.result.as_ref().err().map(|why| redactor.text(why)).unwrap_or_default(),
            at_ms: millis(self.at),
            took_ms: self.took.as_secs_f64() * 1e3,
        }
    }
}

impl From<Exchange> for Evidence {
    fn from(exchange: Exchange) -> Evidence {
        Evidence::Told(Arc::new(exchange))
    }
}

/// A call for the reader; the request is shown already.
pub fn exchange(
    rpc: &str,
    request: serde_json::Value,
    answer: &Answer,
    at: Duration,
    redactor: &Redactor,
) -> Exchange {
    let reply = match answer.replies.as_slice() {
        [] => None,
        [single] => Some(redactor.message(single)),
        many => Some(many.iter().map(|reply| redactor.message(reply)).collect()),
    };
    Exchange {
        what: rpc.to_owned(),
        request,
        command: None,
        reply,
        code: rpc::code_name(answer.code).to_owned(),
        message: redactor.text(&answer.message),
        at_ms: millis(at),
        took_ms: answer.elapsed.as_secs_f64() * 1e3,
    }
}

/// Whole milliseconds.
pub fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
