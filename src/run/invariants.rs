//! Checks on all traffic: one verdict each at the end, naming the exchange that broke it.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use toml::Spanned;

use super::{evidence::Redactor, seen::Seen, wire_faults::WireFaults};
use crate::{
    drive::grpc::{Answer, Outcome},
    events::{CapabilityFact, CheckResult, Exchange, Finding},
    plan::{Plan, PlannedInvariant, Shut},
    suite::{
        expr::{Expr, Judgement, Ready, Scope, Value},
        format::{Answers, EVERY_RPC},
        version::Version,
    },
    verdict::{SkipKind, Verdict},
};

/// What is wrong with the form of a reply, as expressions name it.
const OF_THE_WIRE: [&str; 3] = ["unset", "oversized", "undefined_enums"];

/// What has been seen so far.
#[derive(Debug)]
pub struct Invariants {
    watched: Arc<Vec<Watched>>,
}

#[derive(Debug)]
struct Watched {
    planned: PlannedInvariant,
    /// Which exchanges count, compiled.
    when: Option<Compiled>,
    /// What must hold for them, compiled.
    expect: Vec<Compiled>,
    found: Mutex<Found>,
}

/// An expression with its text; what is wrong with it where it is none.
type Compiled = (String, Result<Arc<Expr>, String>);

fn compiled(source: &Spanned<String>) -> Compiled {
    (source.as_ref().clone(), Expr::compile(source.as_ref()))
}

#[derive(Debug, Default)]
struct Found {
    counted: usize,
    /// The first breach: expression, what was seen, the exchange, during which check.
    broken: Option<(String, String, Arc<Exchange>, String)>,
    breaches: usize,
    /// What is wrong with the invariant itself.
    mistake: Option<String>,
}

impl Invariants {
    /// Watches for a plan.
    pub fn new(plan: &Plan) -> Self {
        let watched = plan
            .invariants
            .iter()
            .map(|planned| Watched {
                when: planned.source.def.when.as_ref().map(compiled),
                expect: planned.source.def.expect.iter().map(compiled).collect(),
                planned: planned.clone(),
                found: Mutex::default(),
            })
            .collect();
        Self { watched: Arc::new(watched) }
    }

    /// Looks at one call; also from another thread.
    pub fn looker(&self, redactor: Arc<Redactor>) -> impl Fn(&Seen) + Send + Sync + 'static {
        let all = self.watched.clone();
        move |seen| {
            let looked = catch_unwind(AssertUnwindSafe(|| look_at(&all, seen, &redactor)));
            if looked.is_err() {
                // What was not looked at must not count as kept.
                let why = format!("stdcheck itself failed where it looked at {}", seen.rpc);
                all.iter().filter(|one| one.watches(&seen.rpc)).for_each(|one| one.fail(&why));
            }
        }
    }

    /// Looks at one execution of a plugin at a version, however it ended. `names` are what a step
    /// would see.
    pub fn observe_execution(
        &self,
        command: &str,
        version: &Version,
        names: &Scope,
        exchange: &Arc<Exchange>,
        during: &str,
    ) {
        let concerned: Vec<&Watched> = self
            .watched
            .iter()
            .filter(|watched| watched.planned.skip.is_none())
            .filter(|watched| watched.watches(command))
            .filter(|watched| {
                let versions = watched.planned.versions.as_ref();
                versions.is_none_or(|versions| versions.contains(version))
            })
            .collect();
        let ready = ready(names, &concerned);
        for watched in concerned {
            watched.look(&ready, || exchange.clone(), during);
        }
    }

    /// One result each; everything must have been looked at.
    pub fn results(
        &self,
        plan: &Plan,
        facts: &BTreeMap<String, CapabilityFact>,
        redactor: &Redactor,
        replay: impl Fn(&str) -> String,
    ) -> Vec<CheckResult> {
        self.watched
            .iter()
            .map(|watched| {
                let shut = watched.planned.gate(&plan.suite, facts);
                watched.result(shut, redactor, &replay)
            })
            .collect()
    }
}

/// Those that look at an answer of an rpc.
fn concerned<'a>(watched: &'a [Watched], rpc: &str, answer: &Answer) -> Vec<&'a Watched> {
    if answer.outcome != Outcome::Answered {
        return Vec::new();
    }
    let ok = answer.code == tonic::Code::Ok;
    watched
        .iter()
        .filter(|watched| watched.planned.skip.is_none())
        .filter(|watched| watched.watches(rpc) && watched.minds(ok))
        .collect()
}

/// Looks at one answer.
fn look_at(watched: &[Watched], seen: &Seen, redactor: &Redactor) {
    let Seen { rpc, request: sent, answer, during, .. } = seen;
    let concerned = concerned(watched, rpc, answer);
    if concerned.is_empty() {
        return;
    }
    let mut names = super::step::names_of(sent.value(), answer);
    names.insert("code_number".into(), Value::Int(answer.number.into()));
    names.insert("details".into(), Value::Bool(answer.details));
    // One that asks nothing of a single reply has seen all of a stream at once.
    let (each, whole): (Vec<&Watched>, Vec<&Watched>) = concerned
        .into_iter()
        .partition(|watched| !answer.replies.is_empty() && watched.looks_at_each_reply());
    let ready_for_whole = ready(&names, &whole);
    let exchange = || seen.shown(redactor);
    for watched in &whole {
        watched.look(&ready_for_whole, exchange, during);
    }
    for (reply, value) in answer.replies.iter().zip(answer.values()).filter(|_| !each.is_empty()) {
        let mut scope = names.clone();
        scope.insert("reply".into(), value.clone());
        if each.iter().any(|watched| watched.looks_at_the_wire()) {
            let faults = WireFaults::of(sent.message(), reply);
            scope.insert("unset".into(), faults.unset.into());
            scope.insert("oversized".into(), faults.oversized.into());
            scope.insert("undefined_enums".into(), faults.undefined_enums.into());
        }
        let ready = ready(&scope, &each);
        for watched in &each {
            watched.look(&ready, exchange, during);
        }
    }
}

/// The names that some invariants see, made ready once for all of them.
fn ready<'a>(scope: &'a Scope, concerned: &[&Watched]) -> Ready<'a> {
    let exprs = concerned.iter().flat_map(|watched| watched.expect.iter().chain(&watched.when));
    Ready::of([scope], exprs.filter_map(|(_, expr)| expr.as_deref().ok()))
}

impl Watched {
    fn watches(&self, what: &str) -> bool {
        let watch = &self.planned.source.def.watch;
        watch.iter().any(|known| known.as_ref() == what || known.as_ref() == EVERY_RPC)
    }

    /// It cannot say any more that it was kept.
    fn fail(&self, why: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.mistake.get_or_insert_with(|| why.to_owned());
    }

    /// Whether it asks what is wrong with the form of a reply.
    fn looks_at_the_wire(&self) -> bool {
        OF_THE_WIRE.iter().any(|name| self.names(name))
    }

    /// Whether it asks something of single replies.
    fn looks_at_each_reply(&self) -> bool {
        self.names("reply") || self.looks_at_the_wire()
    }

    fn names(&self, name: &str) -> bool {
        let mut exprs = self.expect.iter().chain(&self.when);
        exprs.any(|(_, expr)| expr.as_ref().is_ok_and(|expr| expr.names(name)))
    }

    fn minds(&self, ok: bool) -> bool {
        match self.planned.source.def.answers {
            Answers::Ok => ok,
            Answers::Refused => !ok,
            Answers::All => true,
        }
    }

    fn look(&self, ready: &Ready<'_>, exchange: impl Fn() -> Arc<Exchange>, during: &str) {
        let judge = |(_, expr): &Compiled| match expr {
            Ok(expr) => expr.judge_in(ready),
            Err(error) => Judgement::Mistake(error.clone()),
        };
        let counts = self.when.as_ref().map_or(Judgement::Holds, judge);
        let mut seen = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match counts {
            Judgement::Holds => {}
            Judgement::Mistake(mistake) => {
                seen.mistake.get_or_insert(mistake);
                return;
            }
            Judgement::Broken(_) | Judgement::Undecided(_) => return,
        }
        seen.counted += 1;
        for expect in &self.expect {
            match judge(expect) {
                Judgement::Holds => {}
                // Nobody's breach, and no pass either.
                Judgement::Mistake(mistake) => {
                    seen.mistake.get_or_insert(mistake);
                }
                Judgement::Broken(actual) | Judgement::Undecided(actual) => {
                    seen.breaches += 1;
                    if seen.broken.is_none() {
                        let expected = expect.0.clone();
                        seen.broken = Some((expected, actual, exchange(), during.to_owned()));
                    }
                    return;
                }
            }
        }
    }

    fn result(
        &self,
        shut: Option<Shut>,
        redactor: &Redactor,
        replay: impl Fn(&str) -> String,
    ) -> CheckResult {
        let seen = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let def = &self.planned.source.def;
        let id = self.planned.id.clone();
        let mut result = CheckResult {
            id: id.clone(),
            title: def.title.clone(),
            requires: self.planned.requires.clone(),
            verdict: Verdict::Pass,
            kind: None,
            reason: None,
            finding: None,
            exchanges: Vec::new(),
            waived: None,
            duration_ms: 0,
        };
        // What was seen counts for nothing where the target has not what the invariant is about.
        if let Some(Shut::Skip(kind, why)) = shut {
            result.verdict = Verdict::Skip;
            result.kind = Some(kind);
            result.reason = Some(why);
        } else if let Some(Shut::Unknown(why)) = shut {
            result.verdict = Verdict::Error;
            result.reason = Some(why);
        } else if let Some((expected, actual, exchange, during)) = &seen.broken {
            // What was seen may be the secrets themselves.
            let actual = redactor.text(actual);
            result.verdict = super::check::breach(&self.planned.requires, None);
            result.reason = Some(format!(
                "{actual} (in {} of {} answers, first during {during})",
                seen.breaches, seen.counted
            ));
            result.exchanges = vec![exchange.clone()];
            result.finding = Some(Finding {
                codes: self.planned.requires.iter().map(|cited| cited.code.clone()).collect(),
                expected: expected.clone(),
                actual,
                exchange: Some(0),
                replay: replay(during),
            });
        } else if let Some(mistake) = &seen.mistake {
            result.verdict = Verdict::Error;
            result.reason = Some(mistake.clone());
        } else if seen.counted == 0 {
            result.verdict = Verdict::Skip;
            result.kind = Some(SkipKind::NotChecked);
            result.reason = Some("no exchange of this run was of that kind".to_owned());
        }
        result
    }
}
