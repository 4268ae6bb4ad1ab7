//! Where one check or shared situation lives: its names, its evidence, and what must be undone.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::Engine as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};

use super::{
    Run,
    halt::Halt,
    host::Host,
    seen::{self, Did, Evidence, Seen},
    sent::Sent,
};
use crate::{
    drive::{
        Drive,
        exec::Plugin,
        grpc::{Answer, Enough, NEVER, Outcome},
    },
    suite::{
        expr::{Scope, Value, value},
        request, rpc,
        version::Version,
    },
};

/// The size of a call with its answer, in bytes, up to which it waits to be looked at; larger ones are looked
/// at where they are, and not kept.
const KEPT: usize = 256 * 1024;
/// How many calls wait for each other, at most, until they are handed over.
const TOGETHER: usize = 32;

/// Why a call goes nowhere.
pub const NO_ENDPOINT: &str = "the target has no endpoint for this service";

/// The names, evidence and undo of one check or situation.
pub struct Lane {
    /// The run that it belongs to.
    pub run: Arc<Run>,
    /// The check or situation, for messages.
    pub owner: String,
    /// What expressions see.
    pub scope: Scope,
    /// All exchanges so far.
    pub exchanges: Vec<Evidence>,
    /// The version of the specification that it runs at.
    pub api: Version,
    /// A connection of its own: what one check does to its connection is not done to the others.
    drive: Drive,
    /// Where a plugin is executed, from the first time that it is.
    host: Option<Arc<Host>>,
    pub(super) undo: Vec<Undo>,
    /// Calls that the invariants have not been given yet, and the size of what they hold, in bytes.
    unseen: (Vec<Arc<Seen>>, usize),
}

/// Something that must be taken back.
pub(super) enum Undo {
    /// By the steps that suite.toml names for the rpc.
    Rpc { rpc: String, request: Sent, reply: Option<Arc<Answer>>, entry: Option<u64> },
    /// By a verb's own means.
    Own(Deferred),
    /// The same, beside what comes after it.
    Beside(Deferred),
}

/// Something that a verb leaves for later: puts back what it changed outside the target, or makes something
/// ahead. Says what it could not.
pub type Deferred =
    Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

impl Lane {
    /// An empty one, with the names that everybody sees.
    pub fn new(run: &Arc<Run>, owner: &str) -> Lane {
        Lane {
            run: run.clone(),
            owner: owner.to_owned(),
            scope: run.names(),
            exchanges: Vec::new(),
            api: run.plan.api.clone(),
            drive: run.drive.apart(),
            host: None,
            undo: Vec::new(),
            unseen: Default::default(),
        }
    }

    /// One that runs at a version.
    pub fn at(run: &Arc<Run>, owner: &str, api: &Version) -> Lane {
        let mut lane = Lane::new(run, owner);
        lane.api = api.clone();
        lane.scope.extend(run.names_at(api));
        lane
    }

    /// The plugin, and the stage that it is executed on: made when it is first asked for.
    ///
    /// # Errors
    /// If the target is no plugin, or the stage cannot be made.
    pub async fn on_stage(&mut self) -> Result<(Arc<Plugin>, Arc<Host>), Halt> {
        let Some(plugin) = self.drive.plugin().cloned() else {
            return Err(Halt::Error("the target is no plugin".to_owned()));
        };
        let host = match &self.host {
            Some(host) => host.clone(),
            None => {
                let host = Arc::new(Host::start(&self.run, &plugin).await?);
                self.host.insert(host).clone()
            }
        };
        Ok((plugin, host))
    }

    /// The stage, if there is one yet.
    pub fn host(&self) -> Option<&Arc<Host>> {
        self.host.as_ref()
    }

    /// Goes on where a shared situation was built.
    pub fn take_host(&mut self, host: Option<Arc<Host>>) {
        self.host = host;
    }

    /// Has something put back at the end, also after a failure or Ctrl-C.
    pub fn at_end(&mut self, restore: Deferred) {
        self.undo.push(Undo::Own(restore));
    }

    /// The same for what is no matter to anything that comes after it: it is begun in its turn, and
    /// nobody waits for it before the end of the run.
    pub fn beside_the_end(&mut self, restore: Deferred) {
        self.undo.push(Undo::Beside(restore));
    }

    /// Has something done while the target is at the next call.
    pub fn beside(&self, work: Deferred) {
        self.run.beside.take(&self.owner, work);
    }

    /// A word of a suite file, or the words that its `$path` stands for.
    ///
    /// # Errors
    /// What cannot be evaluated.
    pub fn words(&self, word: &str) -> Result<Vec<String>, Halt> {
        let parsed = crate::suite::expr::Text::parse(word).map_err(Halt::Error)?;
        match parsed.value(&self.scope).map_err(Halt::Error)? {
            Value::List(items) => Ok(items.iter().map(value::as_text).collect()),
            other => Ok(vec![value::as_text(&other)]),
        }
    }

    /// Calls an rpc: records it, shows it to the invariants, and remembers what must be undone.
    pub async fn call(
        &mut self,
        method: &MethodDescriptor,
        request: impl Into<Sent>,
        deadline: Duration,
    ) -> Arc<Answer> {
        self.calls(method, request.into(), deadline, true, NEVER).await
    }

    /// The same for a stream that has no end: it is left after the reply that is `enough`.
    pub async fn call_until(
        &mut self,
        method: &MethodDescriptor,
        request: impl Into<Sent>,
        deadline: Duration,
        enough: Enough<'_>,
    ) -> Arc<Answer> {
        self.calls(method, request.into(), deadline, true, enough).await
    }

    async fn calls(
        &mut self,
        method: &MethodDescriptor,
        request: Sent,
        deadline: Duration,
        undone: bool,
        enough: Enough<'_>,
    ) -> Arc<Answer> {
        let name = rpc_name(method);
        let sent = Instant::now();
        let undone = undone && self.run.plan.suite.undo.contains_key(&name);
        if undone {
            // Before the call: a run that is interrupted in the middle of it must still clean up.
            // Other standards' objects carry the run's id.
            let journal = self.run.options.driver.is_some().then_some(&self.run.journal);
            let entry = journal.map(|journal| journal.asked(&name, &request));
            let (rpc, request) = (name.clone(), request.clone());
            self.undo.push(Undo::Rpc { rpc, request, reply: None, entry });
        }
        let run = self.run.clone();
        // What need not be done before or after.
        let meanwhile = || {
            // Whatever is told from now on must not hold them.
            run.redactor.learn_from(request.message());
            run.journal.flush();
            run.beside.begin();
            run.teller.wake();
            request.value();
        };
        let answer = match self.drive.grpc_of(method.parent_service().name()) {
            Some(grpc) => {
                let call = grpc.call_meanwhile(
                    method,
                    request.bytes().clone(),
                    deadline,
                    enough,
                    meanwhile,
                );
                // Boxed: whatever awaits this is moved about, and the whole of a call is large.
                Box::pin(call).await
            }
            None => {
                meanwhile();
                Answer::none(NO_ENDPOINT)
            }
        };
        let answer = Arc::new(answer);
        if undone {
            let refused = answer.outcome == Outcome::Answered && answer.code != tonic::Code::Ok;
            if refused {
                if let Some(Undo::Rpc { entry: Some(entry), .. }) = self.undo.pop() {
                    self.run.journal.over(entry);
                }
            } else if let Some(Undo::Rpc { reply, entry, .. }) = self.undo.last_mut() {
                *reply = answer.reply().is_some().then(|| answer.clone());
                if let (Some(reply), Some(entry)) = (reply, entry) {
                    self.run.journal.answered(*entry, reply.clone());
                }
            }
        }
        self.seen(name, request, answer, sent)
    }

    /// Keeps a call as evidence, and has the invariants look at it.
    fn seen(
        &mut self,
        name: String,
        request: Sent,
        answer: Arc<Answer>,
        sent: Instant,
    ) -> Arc<Answer> {
        let run = &self.run;
        let at = sent.duration_since(run.begun);
        let during = self.owner.clone();
        let seen = Arc::new(Seen::new(name, request, answer.clone(), during, at));
        let size = answer.size;
        if size > KEPT {
            run.teller.see_at_once(&seen);
            self.exchanges.push(Evidence::Told(seen.shown(&run.redactor)));
            return answer;
        }
        self.exchanges.push(Evidence::Call(seen.clone()));
        self.unseen.0.push(seen);
        self.unseen.1 += size;
        // One hand-over wakes the other thread once, however much there is.
        if self.unseen.0.len() >= TOGETHER || self.unseen.1 > KEPT {
            self.hand_over();
        }
        answer
    }

    /// Gives the invariants what they have not seen yet.
    fn hand_over(&mut self) {
        let (calls, _) = std::mem::take(&mut self.unseen);
        self.run.teller.see(calls);
    }

    /// All exchanges so far; none are left.
    pub fn take_evidence(&mut self) -> Vec<Evidence> {
        self.hand_over();
        std::mem::take(&mut self.exchanges)
    }

    /// Sends bytes that need not be a message to an rpc that need not be one, and records it. What a
    /// target makes of such a request nobody can know: only the run's sweep takes it back.
    pub async fn send(&mut self, name: &str, body: &[u8], deadline: Duration) -> Answer {
        let sent = Instant::now();
        let path = format!("/{}.{name}", self.run.plan.suite.package);
        let service = name.split('/').next().unwrap_or_default();
        let answer = match self.drive.grpc_of(service) {
            Some(grpc) => grpc.send(&path, body.to_vec().into(), deadline).await,
            None => Answer::none(NO_ENDPOINT),
        };
        let shown = match self.run.redactor.is_in(body) {
            true => "[redacted]".to_owned(),
            false => base64::engine::general_purpose::STANDARD.encode(body),
        };
        let shown = serde_json::json!({ "base64": self.run.redactor.text(&shown) });
        let at = sent.duration_since(self.run.begun);
        let exchange = seen::exchange(name, shown, &answer, at, &self.run.redactor);
        self.exchanges.push(exchange.into());
        answer
    }

    /// Records what a verb did.
    pub(super) fn record_verb(
        &mut self,
        name: &str,
        params: &Value,
        result: &Result<Value, Halt>,
        sent: Instant,
    ) {
        let did = Did {
            verb: name.to_owned(),
            params: params.clone(),
            result: match result {
                Ok(reply) => Ok(reply.clone()),
                Err(halt) => Err(halt.line()),
            },
            at: sent.duration_since(self.run.begun),
            took: sent.elapsed(),
        };
        let evidence = Evidence::Verb(Arc::new(did));
        let small = |value: &Value| value::is_small(value, KEPT);
        self.exchanges.push(match small(params) && result.as_ref().map_or(true, small) {
            true => evidence,
            false => evidence.told(&self.run.redactor),
        });
    }

    /// Calls an rpc for a verb: by name, with a value as its request; set-up, so it must be OK.
    ///
    /// # Errors
    /// If it is refused or ends otherwise.
    pub async fn must(&mut self, rpc_name: &str, request: Value) -> Result<Value, Halt> {
        let answer = self.ask(rpc_name, request, self.run.options.step_timeout).await?;
        match answer.outcome {
            Outcome::Answered if answer.code == tonic::Code::Ok => {
                Ok(answer.reply_value().cloned().unwrap_or(Value::Null))
            }
            _ => Err(refusal(rpc_name, &answer)),
        }
    }

    /// Calls an rpc for a verb with its base request; set-up, so it must be OK. Gives request and
    /// reply.
    ///
    /// # Errors
    /// If it is refused or ends otherwise.
    pub async fn base(&mut self, rpc_name: &str) -> Result<(Value, Value), Halt> {
        let (method, message) = self.request(rpc_name, None)?;
        let request = Sent::from(message);
        let answer = self.call(&method, request.clone(), self.run.options.step_timeout).await;
        match (&answer.outcome, answer.reply_value()) {
            (Outcome::Answered, Some(reply)) if answer.code == tonic::Code::Ok => {
                Ok((request.value().clone(), reply.clone()))
            }
            _ => Err(refusal(rpc_name, &answer)),
        }
    }

    /// Gives `$unique` another value: done at every step, and by verbs that make several things.
    pub fn rename(&mut self) {
        self.scope.insert("unique".into(), Value::from(self.run.unique()));
    }

    /// Takes over the evidence and the undo of a lane that worked beside this one.
    pub fn absorb(&mut self, mut other: Lane) {
        self.exchanges.append(&mut other.exchanges);
        self.undo.append(&mut other.undo);
        other.hand_over();
    }

    /// Calls an rpc for a verb: by name, whatever it answers.
    ///
    /// # Errors
    /// If there is no such rpc or the request does not fit.
    pub async fn ask(
        &mut self,
        rpc_name: &str,
        request: Value,
        deadline: Duration,
    ) -> Result<Arc<Answer>, Halt> {
        self.asks(rpc_name, request, deadline, true).await
    }

    /// As [`Lane::ask`], but the suite's undo does not follow: the verb has its own ([`Lane::at_end`]).
    ///
    /// # Errors
    /// If there is no such rpc or the request does not fit.
    pub async fn ask_kept(
        &mut self,
        rpc_name: &str,
        request: Value,
        deadline: Duration,
    ) -> Result<Arc<Answer>, Halt> {
        self.asks(rpc_name, request, deadline, false).await
    }

    async fn asks(
        &mut self,
        rpc_name: &str,
        request: Value,
        deadline: Duration,
        undone: bool,
    ) -> Result<Arc<Answer>, Halt> {
        let method = rpc::find(&self.run.plan.suite.package, rpc_name).map_err(Halt::Error)?;
        let mut message = DynamicMessage::new(method.input());
        request::fill(&mut message, &request).map_err(Halt::Error)?;
        Ok(self.calls(&method, message.into(), deadline, undone, NEVER).await)
    }
}

/// A lane may end with a future that nobody polls any more (a time-out, Ctrl-C): what it made is
/// undone with the run then.
impl Drop for Lane {
    fn drop(&mut self) {
        self.hand_over();
        if self.undo.is_empty() {
            self.drive.give_back();
            self.run.teller.free(std::mem::take(&mut self.scope));
        } else {
            self.run.leave(Lane {
                run: self.run.clone(),
                owner: std::mem::take(&mut self.owner),
                scope: std::mem::take(&mut self.scope),
                exchanges: Vec::new(),
                api: self.api.clone(),
                drive: self.drive.clone(),
                host: self.host.take(),
                undo: std::mem::take(&mut self.undo),
                unseen: Default::default(),
            });
        }
    }
}

/// What a call that should have been OK came to.
pub fn refusal(rpc: &str, answer: &Answer) -> Halt {
    match &answer.outcome {
        Outcome::Died(how) => Halt::Died(format!("{rpc}: {how}")),
        Outcome::Cut | Outcome::Broken(_) | Outcome::Unreachable(_) => {
            Halt::Error(format!("{rpc}: {}", answer.message))
        }
        Outcome::Answered => Halt::Error(format!(
            "{rpc} was refused: {} {}",
            rpc::code_name(answer.code),
            answer.message
        )),
    }
}

/// `Service/Method`
pub fn rpc_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// Nanoseconds since 1970.
pub fn nanos(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
