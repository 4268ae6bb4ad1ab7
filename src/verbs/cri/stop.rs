//! `cri.overlapping_stop`: a second StopContainer while the first one waits.

use std::time::{Duration, Instant};

use prost_reflect::DynamicMessage;

use crate::{
    drive::grpc::Outcome,
    run::{
        halt::Halt,
        lane::{Lane, refusal},
    },
    suite::{
        expr::{Value, types::Type, value},
        request, rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

const STOP: &str = "RuntimeService/StopContainer";
/// The first call has this long to be under way before the second is sent.
const HEAD_START: Duration = Duration::from_millis(500);

/// Sends a StopContainer, then a second one with another timeout while the first is pending.
pub const OVERLAPPING_STOP: Verb = Verb {
    signature: Signature {
        name: "cri.overlapping_stop",
        title: "stops a container while a longer stop is pending",
        params: &[
            Param { name: "container_id", required: true, title: "a running container" },
            Param { name: "first_timeout", required: true, title: "seconds" },
            Param { name: "second_timeout", required: true, title: "seconds" },
        ],
        reply: || Type::members([("first_ms", Type::Int), ("second_ms", Type::Int)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(overlap(lane, params)) },
};

async fn overlap(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    let method = rpc::find(&run.plan.suite.package, STOP).map_err(Halt::Error)?;
    let message = |timeout: i64| -> Result<DynamicMessage, Halt> {
        let mut message = DynamicMessage::new(method.input());
        let fields = value::map([
            ("container_id", Value::from(params.text("container_id")?)),
            ("timeout", Value::Int(timeout)),
        ]);
        request::fill(&mut message, &fields).map_err(Halt::Error)?;
        Ok(message)
    };
    let first = message(params.number("first_timeout")?)?;
    let second = message(params.number("second_timeout")?)?;
    let begin = Instant::now();
    let patience = run.options.step_timeout;
    let mut beside = Lane::new(&run, &lane.owner);
    let (first, (second, second_took)) =
        tokio::join!(lane.call(&method, &first, patience), async {
            tokio::time::sleep(HEAD_START).await;
            let begin = Instant::now();
            (beside.call(&method, &second, patience).await, begin.elapsed())
        });
    lane.absorb(beside);
    // The first may be told that it was overtaken; the second must succeed.
    if second.outcome != Outcome::Answered || second.code != tonic::Code::Ok {
        return Err(refusal(STOP, &second));
    }
    if let Outcome::Died(how) = &first.outcome {
        return Err(Halt::Died(how.clone()));
    }
    let millis = |took: Duration| Value::Int(i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
    let first_took = first.elapsed.min(begin.elapsed());
    Ok(value::map([("first_ms", millis(first_took)), ("second_ms", millis(second_took))]))
}
