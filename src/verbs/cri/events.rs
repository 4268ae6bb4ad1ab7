//! `cri.events_of_start`: what GetContainerEvents tells of a container that is started.

use std::time::Duration;

use prost_reflect::DynamicMessage;
use tonic::Code;

use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

const EVENTS: &str = "RuntimeService/GetContainerEvents";
const START: &str = "RuntimeService/StartContainer";
/// A stream tells nothing before its first event: it has this long to be there before the start.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a container while the stream of events is open, and waits for an event about it.
pub const EVENTS_OF_START: Verb = Verb {
    signature: Signature {
        name: "cri.events_of_start",
        title: "starts a container and waits for an event about it; skips the check if none comes",
        params: &[Param { name: "container_id", required: true, title: "a created container" }],
        reply: || Type::members([("events", Type::List(Box::new(Type::Dyn)))]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(events(lane, params)) },
};

async fn events(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let id = params.text("container_id")?;
    let (method, message) = lane.request(EVENTS, None)?;
    let ours = |event: &DynamicMessage| {
        event.get_field_by_name("container_id").is_some_and(|field| field.as_str() == Some(id))
    };
    let mut beside = Lane::new(&lane.run, &lane.owner);
    let (stream, started) =
        tokio::join!(lane.call_until(&method, &message, PATIENCE, &ours), async {
            tokio::time::sleep(HEAD_START).await;
            beside.must(START, value::map([("container_id", Value::from(id))])).await
        });
    lane.absorb(beside);
    started?;
    match &stream.outcome {
        Outcome::Died(how) => return Err(Halt::Died(format!("during {EVENTS}: {how}"))),
        Outcome::Unreachable(why) => return Err(Halt::Error(why.clone())),
        Outcome::Answered | Outcome::Cut | Outcome::Broken(_) => {}
    }
    let events: Vec<Value> =
        stream.replies.iter().filter(|event| ours(event)).map(value::from_message).collect();
    if events.is_empty() {
        let why = match stream.code {
            Code::Unimplemented => format!("{EVENTS} answers UNIMPLEMENTED"),
            _ => format!("{EVENTS} tells nothing of a container that was started"),
        };
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    }
    Ok(value::map([("events", Value::from(events))]))
}
