//! Executes one step: a call or a verb, and what is expected of it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tonic::Code;

use super::{
    exec,
    halt::{Broken, Halt},
    lane::{Lane, NO_ENDPOINT, nanos, refusal},
    sent::Sent,
};
use crate::{
    drive::grpc::{Answer, Outcome},
    proto,
    stage::wire::Executed,
    suite::{
        expr::{Expr, Judgement, Ready, Scope, Value, value},
        format::{Span, StepDef},
        request, rpc,
        tree::Tree,
    },
    verbs::Params,
};

/// Between two looks of a `within` step.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Executes a step. `over` overrides the request, where it is a situation's main one.
///
/// # Errors
/// Why the check ends here.
pub async fn execute(lane: &mut Lane, step: &StepDef, over: Option<&Tree>) -> Result<(), Halt> {
    let begin = Instant::now();
    let patience = step.within.as_ref().map(|within| within.as_ref().0);
    let seen = lane.exchanges.len();
    loop {
        // Of many looks the last is the evidence.
        lane.exchanges.truncate(seen);
        match once(lane, step, over).await {
            // A read-only step may be asked again until its time is up; the last answer counts.
            Err(Halt::Broken(_)) if patience.is_some_and(|within| begin.elapsed() < within) => {
                lane.run.journal.flush();
                let _waiting = lane.run.clock.start();
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
            Err(Halt::Broken(broken)) if !step.is_test() => {
                let waited = patience.map_or(String::new(), |within| {
                    format!(" within {}", humantime::format_duration(within))
                });
                let what = format!("set-up: {}; saw {}", broken.expected, broken.actual);
                return Err(Halt::Error(format!("{what}{waited}")));
            }
            Err(Halt::Broken(mut broken)) => {
                if let Some(within) = patience {
                    broken.expected = format!(
                        "{} within {}",
                        broken.expected,
                        humantime::format_duration(within)
                    );
                }
                return Err(Halt::Broken(broken));
            }
            other => return other,
        }
    }
}

async fn once(lane: &mut Lane, step: &StepDef, over: Option<&Tree>) -> Result<(), Halt> {
    // Every step makes names of its own.
    lane.rename();
    let names = match (&step.call, &step.exec, &step.verb) {
        (Some(call), _, _) => call_step(lane, step, call.as_ref(), over).await?,
        (None, Some(command), _) => exec_step(lane, step, command.as_ref(), over).await?,
        (None, None, Some(verb)) => verb_step(lane, step, verb.as_ref(), over).await?,
        (None, None, None) => return Err(Halt::Error("the step does nothing".to_owned())),
    };
    if !step.expect.is_empty() {
        let compiled = step.expect.iter().map(|expect| Expr::compile(expect.as_ref()));
        let compiled = compiled.collect::<Result<Vec<_>, _>>().map_err(Halt::Error)?;
        let ready = Ready::of([&names, &lane.scope], compiled.iter().map(Arc::as_ref));
        for (expect, expr) in step.expect.iter().zip(&compiled) {
            let actual = match expr.judge_in(&ready) {
                Judgement::Holds => continue,
                Judgement::Broken(actual) | Judgement::Undecided(actual) => actual,
                Judgement::Mistake(error) => return Err(Halt::Error(error)),
            };
            let actual = lane.run.redactor.text(&actual);
            return Err(broken(lane, step, expect.as_ref().clone(), actual)?);
        }
    }
    if let Some(bind) = &step.bind {
        let members = names.iter().map(|(name, value)| (name.as_str(), value.clone()));
        lane.scope.insert(bind.as_ref().clone(), value::map(members));
    }
    Ok(())
}

/// A breach of this step, with the code that it names itself.
fn broken(lane: &Lane, step: &StepDef, expected: String, actual: String) -> Result<Halt, Halt> {
    let of = match &step.of {
        Some(of) => lane.words(of.as_ref())?.into_iter().next(),
        None => None,
    };
    let exchange = lane.exchanges.len().checked_sub(1);
    Ok(Halt::Broken(Broken { of, expected, actual, exchange }))
}

async fn call_step(
    lane: &mut Lane,
    step: &StepDef,
    name: &str,
    over: Option<&Tree>,
) -> Result<Scope, Halt> {
    let method = rpc::find(&lane.run.plan.suite.package, name).map_err(Halt::Error)?;
    let request = Sent::from(lane.build(&method, step, over)?);
    let deadline = match step.deadline {
        Some(Span(deadline)) => deadline,
        None => lane.run.options.step_timeout,
    };
    let answer = lane.call(&method, request.clone(), deadline).await;
    let wanted = codes(lane, step)?;
    match &answer.outcome {
        Outcome::Died(how) => return Err(Halt::Died(format!("during {name}: {how}"))),
        Outcome::Unreachable(why) => return Err(nowhere(why)),
        // A step that sets its own deadline reckons with being cut.
        Outcome::Cut if step.deadline.is_some() && wanted == Codes::Any => {}
        Outcome::Cut => return Err(Halt::Error(format!("{name}: {}", answer.message))),
        Outcome::Broken(fault) => {
            if !step.is_test() {
                return Err(Halt::Error(format!("{name}: {}", answer.message)));
            }
            let expected = format!("{name} gives a proper answer");
            return Err(broken(lane, step, expected, fault.clone())?);
        }
        Outcome::Answered => {}
    }
    if answer.code == Code::Unimplemented
        && !wanted.names(Code::Unimplemented)
        && proto::since_of_method(&method).is_some()
    {
        let why = format!("{name} answers UNIMPLEMENTED");
        return Err(Halt::Skip(crate::verdict::SkipKind::NotApplicable, why));
    }
    if answer.outcome == Outcome::Answered && !wanted.fit(answer.code) {
        if !step.is_test() {
            return Err(refusal(name, &answer));
        }
        let actual = if answer.code == Code::Ok {
            "OK: it was not refused".to_owned()
        } else {
            let message = lane.run.redactor.text(&answer.message);
            format!("{}: {message}", rpc::code_name(answer.code))
        };
        return Err(broken(lane, step, format!("{name} answers {wanted}"), actual)?);
    }
    // Most steps that undo something.
    if step.expect.is_empty() && step.bind.is_none() {
        return Ok(Scope::new());
    }
    Ok(names_of(request.value(), &answer))
}

/// A service that the target does not have anywhere is no fault of the check's.
fn nowhere(why: &str) -> Halt {
    if why == NO_ENDPOINT {
        return Halt::Skip(crate::verdict::SkipKind::NotApplicable, why.to_owned());
    }
    Halt::Error(why.to_owned())
}

/// What the expectations of a call see, and what `as` binds.
pub(super) fn names_of(request: &Value, answer: &Answer) -> Scope {
    let mut names = times(answer.sent_at, answer.elapsed);
    names.insert("request".into(), request.clone());
    names.insert("code".into(), rpc::code_name(answer.code).into());
    names.insert("message".into(), answer.message.as_str().into());
    let replies = answer.values();
    if let Some(last) = replies.last() {
        names.insert("reply".into(), last.clone());
    }
    names.insert("replies".into(), Value::from(replies.to_vec()));
    names
}

fn times(sent_at: SystemTime, elapsed: Duration) -> Scope {
    let sent = nanos(sent_at);
    let done = nanos(sent_at + elapsed);
    let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    [("sent_at", sent), ("done_at", done), ("elapsed_ms", millis)]
        .map(|(name, value)| (name.to_owned(), Value::Int(value)))
        .into()
}

async fn exec_step(
    lane: &mut Lane,
    step: &StepDef,
    command: &str,
    over: Option<&Tree>,
) -> Result<Scope, Halt> {
    let (plugin, host) = lane.on_stage().await?;
    let command = lane.words(command)?.into_iter().next().unwrap_or_default();
    let asked = exec::Asked::of_step(lane, &plugin, &host, &command, step, over)?;
    let done = exec::execute(lane, vec![asked], step.deadline).await?;
    let [done] = done.as_slice() else {
        return Err(Halt::Error(format!("{command} was not executed")));
    };
    let wanted = exits(lane, step)?;
    if !wanted.fit(&done.executed) {
        let ending = exec::ending(&done.executed);
        let said = done.said();
        let actual = lane.run.redactor.text(&format!("{ending}{said}"));
        if !step.is_test() {
            if done.executed.timed_out {
                lane.run.hung(&command);
            }
            return Err(Halt::Error(format!("{command}: {actual}")));
        }
        return Err(broken(lane, step, format!("{command} ends with {wanted}"), actual)?);
    }
    Ok(exec::names_of(done))
}

async fn verb_step(
    lane: &mut Lane,
    step: &StepDef,
    name: &str,
    over: Option<&Tree>,
) -> Result<Scope, Halt> {
    let run = lane.run.clone();
    let verb = run
        .verbs
        .iter()
        .find(|verb| verb.signature.name == name)
        .ok_or_else(|| Halt::Error(format!("there is no verb `{name}`")))?;
    let mut tree = Tree::Table(Vec::new());
    for layer in [step.with.as_ref().map(toml::Spanned::as_ref), over].into_iter().flatten() {
        tree = request::put_over(&tree, layer);
    }
    let params = request::evaluate(&tree, &lane.scope).map_err(Halt::Error)?;
    // Not all of them call something soon.
    run.journal.flush();
    let sent = Instant::now();
    let sent_at = SystemTime::now();
    let result = (verb.run)(lane, Params(params.clone())).await;
    lane.record_verb(name, &params, &result, sent);
    let mut names = times(sent_at, sent.elapsed());
    names.insert("request".into(), params);
    names.insert("reply".into(), result?);
    Ok(names)
}

/// The codes that a step takes for right.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Codes {
    Any,
    Error,
    Of(Vec<Code>),
}

impl Codes {
    fn fit(&self, code: Code) -> bool {
        match self {
            Codes::Any => true,
            Codes::Error => code != Code::Ok,
            Codes::Of(codes) => codes.contains(&code),
        }
    }

    fn names(&self, code: Code) -> bool {
        matches!(self, Codes::Of(codes) if codes.contains(&code))
    }
}

impl std::fmt::Display for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Codes::Any => f.write_str("anything"),
            Codes::Error => f.write_str("with an error"),
            Codes::Of(codes) => {
                let names: Vec<&str> = codes.iter().map(|code| rpc::code_name(*code)).collect();
                f.write_str(&names.join(" or "))
            }
        }
    }
}

fn codes(lane: &Lane, step: &StepDef) -> Result<Codes, Halt> {
    let mut codes = Vec::new();
    for word in step.code.iter().flat_map(|words| &words.0) {
        for name in lane.words(word.as_ref())? {
            match name.as_str() {
                "any" => return Ok(Codes::Any),
                "error" => return Ok(Codes::Error),
                name => {
                    let known = rpc::CODES.iter().find(|(known, _)| *known == name);
                    let (_, code) = known
                        .ok_or_else(|| Halt::Error(format!("there is no gRPC code `{name}`")))?;
                    codes.push(*code);
                }
            }
        }
    }
    Ok(Codes::Of(if codes.is_empty() { vec![Code::Ok] } else { codes }))
}

/// The exit codes that a step takes for right.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exits {
    Any,
    Error,
    Of(Vec<i64>),
}

impl Exits {
    /// A program that was killed has refused nothing.
    fn fit(&self, executed: &Executed) -> bool {
        let Some(code) = executed.exit.filter(|_| !executed.timed_out) else { return false };
        match self {
            Exits::Any => true,
            Exits::Error => code != 0,
            Exits::Of(codes) => codes.contains(&i64::from(code)),
        }
    }
}

impl std::fmt::Display for Exits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exits::Any => f.write_str("any exit code"),
            Exits::Error => f.write_str("an error"),
            Exits::Of(codes) => {
                let codes: Vec<String> = codes.iter().map(|code| format!("exit {code}")).collect();
                f.write_str(&codes.join(" or "))
            }
        }
    }
}

fn exits(lane: &Lane, step: &StepDef) -> Result<Exits, Halt> {
    let Some(exit) = &step.exit else { return Ok(Exits::Of(vec![0])) };
    let wrong = |given: &Value| {
        Halt::Error(format!(
            "`exit` is a number, a list, \"error\" or \"any\", not {}",
            value::brief(given)
        ))
    };
    let given = request::evaluate(exit.as_ref(), &lane.scope).map_err(Halt::Error)?;
    let codes = match &given {
        Value::String(word) if word.as_str() == "any" => return Ok(Exits::Any),
        Value::String(word) if word.as_str() == "error" => return Ok(Exits::Error),
        Value::List(codes) => codes.to_vec(),
        code => vec![code.clone()],
    };
    let codes = codes.iter().map(|code| match code {
        Value::Int(code) => Ok(*code),
        other => Err(wrong(other)),
    });
    Ok(Exits::Of(codes.collect::<Result<_, _>>()?))
}
