//! What an answer means for a verb.

use std::sync::Arc;

use tonic::Code;

use crate::{
    drive::grpc::{Answer, Outcome},
    run::{
        halt::Halt,
        lane::{Lane, NO_ENDPOINT, refusal},
    },
    suite::{
        expr::{Value, value},
        rpc,
    },
    verdict::SkipKind,
};

/// The code of a call that was answered, whatever the answer.
pub fn code(rpc: &str, answer: &Answer) -> Result<Code, Halt> {
    match &answer.outcome {
        // A reply that cannot be decoded has a code and a message that say so.
        Outcome::Answered | Outcome::Broken(_) => Ok(answer.code),
        Outcome::Died(how) => Err(Halt::Died(format!("during {rpc}: {how}"))),
        Outcome::Unreachable(why) if why == NO_ENDPOINT => {
            Err(Halt::Skip(SkipKind::NotApplicable, why.clone()))
        }
        Outcome::Cut | Outcome::Unreachable(_) => {
            Err(Halt::Error(format!("{rpc}: {}", answer.message)))
        }
    }
}

/// The reply of a call that must be OK.
pub fn ok(rpc: &str, answer: &Answer) -> Result<Value, Halt> {
    match code(rpc, answer)? {
        Code::Ok => Ok(reply(answer)),
        _ => Err(refusal(rpc, answer)),
    }
}

/// The reply of a call that must be OK, or find that there is nothing to take back.
pub fn ok_or_gone(rpc: &str, answer: &Answer) -> Result<(), Halt> {
    match code(rpc, answer)? {
        Code::Ok | Code::NotFound => Ok(()),
        _ => Err(refusal(rpc, answer)),
    }
}

/// The reply; an empty map without one.
pub fn reply(answer: &Answer) -> Value {
    answer.reply_value().cloned().unwrap_or_else(super::values::nothing)
}

/// Calls an rpc with its base request and something laid over it.
pub async fn call(lane: &mut Lane, rpc: &str, with: Option<&Value>) -> Result<Arc<Answer>, Halt> {
    let (method, message) = lane.request(rpc, with)?;
    let answer = lane.call(&method, message, lane.run.options.step_timeout).await;
    code(rpc, &answer)?;
    Ok(answer)
}

/// The same, and it must be OK.
pub async fn must(lane: &mut Lane, rpc: &str, with: &Value) -> Result<Value, Halt> {
    let answer = call(lane, rpc, Some(with)).await?;
    ok(rpc, &answer)
}

/// Whether a code says that the same call may be answered otherwise later.
pub fn is_passing(code: Code) -> bool {
    matches!(code, Code::Aborted | Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
}

/// `code`, `message` and `reply`, as results of verbs have them.
pub fn told(answer: &Answer) -> Value {
    value::map([
        ("code", Value::from(rpc::code_name(answer.code))),
        ("message", Value::from(answer.message.as_str())),
        ("reply", reply(answer)),
    ])
}
