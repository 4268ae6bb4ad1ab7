//! `csi.parallel`: one call many times at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::Code;

use super::answers;
use crate::{
    drive::grpc::Answer,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

const USUAL: i64 = 16;
/// How long calls may go on to be told to come later.
pub const SETTLING: Duration = Duration::from_secs(30);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Sends a call many times side by side, and once more when they are over.
pub const PARALLEL: Verb = Verb {
    signature: Signature {
        name: "csi.parallel",
        title: "sends a call many times at once, and once more at the end",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "times", required: false, title: "16 if left out" },
            Param { name: "same", required: false, title: "false: $unique differs in each" },
        ],
        reply: || {
            Type::members([
                ("codes", super::values::texts_type()),
                ("messages", super::values::texts_type()),
                // Those of the calls that were OK.
                ("replies", Type::List(Box::new(Type::Dyn))),
                (
                    "after",
                    Type::members([
                        ("code", Type::Text),
                        ("message", Type::Text),
                        ("reply", Type::Dyn),
                    ]),
                ),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(parallel(lane, params)) },
};

async fn parallel(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("call")?;
    let times = params.get("times").map_or(Ok(USUAL), |_| params.number("times"))?;
    let same = params.get("same").map_or(Ok(true), |_| params.flag("same"))?;
    let mut requests = Vec::new();
    for _ in 0..times.max(1) {
        if !same {
            lane.rename();
        }
        match requests.first() {
            Some((method, message)) if same => {
                requests.push((Clone::clone(method), Clone::clone(message)))
            }
            _ => requests.push(lane.request(name, params.get("with"))?),
        }
    }
    // Each has a lane of its own, which undoes what it made.
    let mut lanes: Vec<Lane> = requests.iter().map(|_| Lane::new(&lane.run, &lane.owner)).collect();
    let patience = lane.run.options.step_timeout;
    let calls = lanes
        .iter_mut()
        .zip(&requests)
        .map(|(own, (method, message))| own.call(method, message, patience));
    let answers = join_all(calls).await;
    for own in lanes {
        lane.absorb(own);
    }
    for answer in &answers {
        answers::code(name, answer)?;
    }
    let Some((method, message)) = requests.first() else {
        return Err(Halt::Error("`times` is 0".to_owned()));
    };
    let (_, after) = settle(lane, name, method, message).await?;
    let texts = |of: fn(&Answer) -> &str| {
        Value::from(answers.iter().map(|answer| of(answer)).collect::<Vec<_>>())
    };
    let replies: Vec<Value> = answers
        .iter()
        .filter(|answer| answer.code == Code::Ok)
        .map(|answer| answers::reply(answer))
        .collect();
    Ok(value::map([
        ("codes", texts(|answer| rpc::code_name(answer.code))),
        ("messages", texts(|answer| &answer.message)),
        ("replies", Value::from(replies)),
        ("after", answers::told(&after)),
    ]))
}

/// Repeats a call until it is not told to come later. Gives the codes of all repeats, and the last
/// answer.
pub async fn settle(
    lane: &mut Lane,
    name: &str,
    method: &MethodDescriptor,
    message: &DynamicMessage,
) -> Result<(Vec<&'static str>, Arc<Answer>), Halt> {
    let begin = Instant::now();
    let mut codes = Vec::new();
    let evidence = lane.exchanges.len();
    loop {
        // Of many repeats the last is the evidence.
        lane.exchanges.truncate(evidence);
        let answer = lane.call(method, message, lane.run.options.step_timeout).await;
        let code = answers::code(name, &answer)?;
        codes.push(rpc::code_name(code));
        if !answers::is_passing(code) || begin.elapsed() > SETTLING {
            return Ok((codes, answer));
        }
        let _waiting = lane.run.clock.start();
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}
