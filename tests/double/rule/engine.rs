//! One difference at work: what it remembers, and what it does to each call.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use stdcheck::suite::{
    expr::{
        Expr, Scope, Value,
        value::{as_text, from_message, map},
    },
    request, rpc,
    tree::Tree,
};
use tonic::Code;
use wildmatch::WildMatch;

use super::{
    super::{
        bend::{Answer, Bend, Call, Deed, WireStatus},
        interface,
    },
    edit::Changes,
    format::{self, Difference},
    notes::Notes,
    path::holds,
    types,
    values::evaluate,
};

/// A difference, ready to be put into a double or a proxy. Clones share what they remember.
#[derive(Clone)]
pub struct Rule(Arc<Inner>);

struct Inner {
    bends: Vec<Ready>,
    memory: Mutex<Memory>,
    notes: Mutex<Notes>,
}

/// What was seen so far.
#[derive(Default)]
struct Memory {
    /// The calls that were answered with OK, by the rpc without its service: of those rpcs that
    /// anything asks for.
    earlier: BTreeMap<String, Vec<Value>>,
    counts: HashMap<(usize, String), i64>,
    first: HashMap<(usize, String), Answer>,
}

/// A bend whose expressions are compiled.
struct Ready {
    rpc: WildMatch,
    when: Option<Arc<Expr>>,
    per: Option<Arc<Expr>>,
    request: Option<Changes>,
    answer: Option<Ersatz>,
    reply: Option<Changes>,
    status: Option<Status>,
    also: Vec<(String, Option<Tree>)>,
    stale: bool,
    hang: bool,
    die: bool,
    delay: Duration,
    late: Duration,
    switch: Option<String>,
}

/// What is answered in place of the runtime.
struct Ersatz {
    code: Code,
    message: String,
    reply: Option<Tree>,
    bytes: Option<Bytes>,
    served: bool,
}

/// What is done to a status.
struct Status {
    when: Option<Arc<Expr>>,
    wire: WireStatus,
}

/// That a bend is meant by a call, noted between its request and its answer.
pub struct Hit {
    rule: usize,
    bend: usize,
    key: String,
    nth: i64,
}

impl Rule {
    /// Makes a difference ready.
    ///
    /// # Errors
    /// What is wrong with it: an rpc, path or expression.
    pub fn new(difference: &Difference) -> Result<Rule, String> {
        Rule::noting(difference, Notes::default())
    }

    /// The same, with notes of one's own.
    ///
    /// # Errors
    /// As above.
    pub fn noting(difference: &Difference, notes: Notes) -> Result<Rule, String> {
        let named = |why: String| format!("{}: {why}", difference.name);
        let bends: Vec<Ready> =
            difference.bends.iter().map(Ready::new).collect::<Result<_, _>>().map_err(named)?;
        for bend in &difference.bends {
            types::check(bend).map_err(named)?;
        }
        let text = format!("{difference:?}");
        let asked = text.split("earlier.").skip(1).map(|after| {
            let name = after.split(|letter: char| !letter.is_alphanumeric()).next();
            (name.unwrap_or_default().to_owned(), Vec::new())
        });
        let memory = Memory { earlier: asked.collect(), ..Memory::default() };
        Ok(Rule(Arc::new(Inner { bends, memory: Mutex::new(memory), notes: Mutex::new(notes) })))
    }

    /// The switches inside the double that belong to it.
    pub fn switches(&self) -> Vec<String> {
        self.0.bends.iter().filter_map(|bend| bend.switch.clone()).collect()
    }

    /// What turned out to be wrong with the rule itself.
    pub fn complaints(&self) -> Vec<String> {
        self.notes().complaints.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    fn scope(&self, call: &Call, nth: i64) -> Scope {
        let earlier = &self.memory().earlier;
        let lists = earlier.iter().map(|(rpc, calls)| (rpc.as_str(), Value::from(calls.clone())));
        Scope::from([
            ("request".to_owned(), seen(&call.input(), &call.sent)),
            ("nth".to_owned(), Value::Int(nth)),
            ("restarts".to_owned(), Value::Int(call.restarts.load(Ordering::SeqCst))),
            ("earlier".to_owned(), map(lists)),
        ])
    }

    /// What came of something, or its default and a complaint.
    fn note<T: Default>(&self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|why| {
            self.notes().complain(why);
            T::default()
        })
    }

    fn hits<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = (&'a Ready, &'a Hit)> {
        let ours = call.hits.iter().filter(|hit| hit.rule == self.id());
        ours.map(|hit| (&self.0.bends[hit.bend], hit))
    }
}

fn seen(of: &MessageDescriptor, bytes: &Bytes) -> Value {
    decoded(of, bytes).map_or(Value::Null, |message| from_message(&message))
}

fn decoded(of: &MessageDescriptor, bytes: &Bytes) -> Option<DynamicMessage> {
    DynamicMessage::decode(of.clone(), bytes.clone()).ok()
}

impl Ready {
    fn new(bend: &format::Bend) -> Result<Ready, String> {
        let method = match bend.rpc.contains('*') {
            true => None,
            false => Some(interface::find(&bend.rpc)?),
        };
        let input = method.as_ref().map(prost_reflect::MethodDescriptor::input);
        let output = method.as_ref().map(prost_reflect::MethodDescriptor::output);
        let expression = |text: &Option<String>| text.as_deref().map(Expr::compile).transpose();
        let changes = |edits: &Option<format::Edits>, of: &Option<MessageDescriptor>| {
            edits.as_ref().map(|edits| Changes::new(edits, of.as_ref())).transpose()
        };
        for also in &bend.also {
            interface::find(&also.rpc)?;
        }
        Ok(Ready {
            rpc: WildMatch::new(&bend.rpc),
            when: expression(&bend.when)?,
            per: expression(&bend.per)?,
            request: changes(&bend.request, &input)?,
            answer: bend.answer.as_ref().map(Ersatz::new).transpose()?,
            reply: changes(&bend.reply, &output)?,
            status: bend.status.as_ref().map(Status::new).transpose()?,
            also: bend.also.iter().map(|also| (also.rpc.clone(), also.with.clone())).collect(),
            stale: bend.stale,
            hang: bend.hang,
            die: bend.die,
            delay: Duration::from_millis(bend.delay_ms),
            late: Duration::from_millis(bend.late_ms),
            switch: bend.switch.clone(),
        })
    }
}

impl Ersatz {
    fn new(answering: &format::Answering) -> Result<Ersatz, String> {
        let code = match &answering.code {
            None => Code::Ok,
            Some(name) => {
                let known = rpc::CODES.iter().find(|(known, _)| known == name);
                known.map(|(_, code)| *code).ok_or_else(|| format!("there is no code `{name}`"))?
            }
        };
        let bytes = answering.bytes.as_deref().map(hexadecimal).transpose()?;
        Ok(Ersatz {
            code,
            message: answering.message.clone(),
            reply: answering.reply.clone(),
            bytes,
            served: answering.served,
        })
    }

    fn answer(&self, of: MessageDescriptor, scope: &Scope) -> Result<Answer, String> {
        if self.code != Code::Ok {
            return Ok(Answer::refusal(self.code, &self.message));
        }
        if let Some(bytes) = &self.bytes {
            return Ok(Answer::bytes(bytes.clone()));
        }
        Ok(Answer::bytes(filled(of, self.reply.as_ref(), scope)?))
    }
}

impl Status {
    fn new(status: &format::Status) -> Result<Status, String> {
        let details = status.details.as_deref().map(hexadecimal).transpose()?;
        let wire = WireStatus { number: status.number, details, lost: status.lost };
        Ok(Status { when: status.when.as_deref().map(Expr::compile).transpose()?, wire })
    }
}

fn hexadecimal(text: &str) -> Result<Bytes, String> {
    let digits: String = text.split_whitespace().collect();
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    bytes.map(Bytes::from).ok_or_else(|| format!("`{text}` is not hexadecimal"))
}

fn filled(of: MessageDescriptor, tree: Option<&Tree>, scope: &Scope) -> Result<Bytes, String> {
    let mut message = DynamicMessage::new(of);
    if let Some(tree) = tree {
        request::fill(&mut message, &evaluate(tree, scope)?)?;
    }
    Ok(message.encode_to_vec().into())
}

impl Bend for Rule {
    fn before(&self, call: &mut Call) -> Deed {
        for (at, bend) in self.0.bends.iter().enumerate() {
            // What cannot be decoded cannot be changed: it is not meant.
            let meant = bend.request.is_none() || decoded(&call.input(), &call.request).is_some();
            if !bend.rpc.matches(&call.rpc) || !meant {
                continue;
            }
            let key = match &bend.per {
                // What has no key is one kind of its own.
                Some(per) => per.value(&self.scope(call, 0)).map(|key| as_text(&key)),
                None => Ok(call.rpc.clone()),
            }
            .unwrap_or_default();
            let nth = {
                let mut memory = self.memory();
                let count = memory.counts.entry((at, key.clone())).or_default();
                *count += 1;
                *count
            };
            let scope = self.scope(call, nth);
            let meant = bend.when.as_ref().is_none_or(|when| self.note(holds(when, &scope)));
            if !meant {
                continue;
            }
            call.hits.push(Hit { rule: self.id(), bend: at, key, nth });
            call.wait += bend.delay;
            call.late += bend.late;
            let mut changed = !(bend.delay + bend.late).is_zero();
            if let Some(changes) = &bend.request
                && let Some(bent) = self.note(changes.make(&call.input(), &call.request, &scope))
            {
                call.request = bent;
                changed = true;
            }
            let ends = bend.answer.as_ref().is_some_and(|ersatz| !ersatz.served);
            if changed || bend.die || bend.hang || ends {
                self.notes().change(at);
            }
            if bend.die {
                return Deed::Die;
            }
            if bend.hang {
                return Deed::Hang;
            }
            if let Some(ersatz) = bend.answer.as_ref().filter(|ersatz| !ersatz.served) {
                let answer = ersatz.answer(call.output(), &scope);
                return Deed::Answer(self.note(answer.map(Some)).unwrap_or_else(Answer::none));
            }
        }
        Deed::Serve
    }

    fn also(&self, call: &Call, answer: &Answer) -> Vec<(String, Bytes)> {
        let mut further = Vec::new();
        for (bend, hit) in self.hits(call) {
            let scope = self.with_reply(call, answer, hit.nth);
            if !bend.also.is_empty() {
                self.notes().change(hit.bend);
            }
            for (name, with) in &bend.also {
                let Ok(method) = interface::find(name) else { continue };
                let request = filled(method.input(), with.as_ref(), &scope).map(Some);
                further.extend(self.note(request).map(|request| (name.clone(), request)));
            }
        }
        further
    }

    fn after(&self, call: &Call, answer: &mut Answer) {
        self.remember(call, answer);
        for (bend, hit) in self.hits(call) {
            let scope = self.with_reply(call, answer, hit.nth);
            let mut changed = false;
            if let Some(ersatz) = &bend.answer {
                let ersatz = ersatz.answer(call.output(), &scope);
                *answer = self.note(ersatz.map(Some)).unwrap_or_else(Answer::none);
                changed = true;
            }
            if let Some(changes) = &bend.reply
                && answer.code == Code::Ok
            {
                for reply in &mut answer.replies {
                    if let Some(bent) = self.note(changes.make(&call.output(), reply, &scope)) {
                        *reply = bent;
                        changed = true;
                    }
                }
            }
            if bend.stale {
                let mut memory = self.memory();
                let first = memory.first.entry((hit.bend, hit.key.clone()));
                changed |= matches!(first, Entry::Occupied(_));
                *answer = first.or_insert_with(|| answer.clone()).clone();
            }
            if let Some(status) = &bend.status
                && self.wants(status, answer, &scope)
            {
                answer.wire = status.wire.clone();
                changed = true;
            }
            if changed {
                self.notes().change(hit.bend);
            }
        }
    }
}

impl Rule {
    fn wants(&self, status: &Status, answer: &Answer, scope: &Scope) -> bool {
        let mut scope = scope.clone();
        scope.insert("code".to_owned(), Value::from(rpc::code_name(answer.code)));
        status.when.as_ref().is_none_or(|when| self.note(holds(when, &scope)))
    }

    fn remember(&self, call: &Call, answer: &Answer) {
        let name = call.rpc.rsplit('/').next().unwrap_or_default();
        if let (Code::Ok, Some(calls)) = (answer.code, self.memory().earlier.get_mut(name)) {
            let reply = answer.replies.first().map(|reply| seen(&call.output(), reply));
            calls.push(map([
                ("request", seen(&call.input(), &call.sent)),
                ("reply", reply.unwrap_or(Value::Null)),
            ]));
        }
    }

    fn with_reply(&self, call: &Call, answer: &Answer, nth: i64) -> Scope {
        let mut scope = self.scope(call, nth);
        if let Some(reply) = answer.replies.first() {
            scope.insert("reply".to_owned(), seen(&call.output(), reply));
        }
        scope
    }
}
