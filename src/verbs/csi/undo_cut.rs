//! `csi.undo_cut`: takes back what a call made that was not answered.

use std::time::{Duration, Instant};

use tonic::Code;

use super::{
    answers,
    values::{list, map_at, nothing, text, with},
};
use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// A driver may be at work still.
const PATIENCE: Duration = Duration::from_secs(30);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Repeats the call by its name, and deletes what it tells of.
pub const UNDO_CUT: Verb = Verb {
    signature: Signature {
        name: "csi.undo_cut",
        title: "repeats a call that was not answered, and deletes what it made",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc that makes something" },
            Param { name: "request", required: true, title: "its request" },
        ],
        reply: || Type::members([("found", Type::Bool)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(undo(lane, params)) },
};

async fn undo(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let rpc = params.text("call")?.to_owned();
    let request = params.get("request").cloned().unwrap_or_else(nothing);
    let request = with_secrets(request, lane.scope.get("driver"));
    let begin = Instant::now();
    let found = loop {
        let patience = lane.run.options.step_timeout;
        let answer = lane.ask_kept(&rpc, request.clone(), patience).await?;
        match &answer.outcome {
            Outcome::Answered if answer.code == Code::Ok => break Some(answers::reply(&answer)),
            Outcome::Answered if !answers::is_passing(answer.code) => break None,
            Outcome::Answered | Outcome::Cut if begin.elapsed() < PATIENCE => {}
            _ => return answers::ok(&rpc, &answer),
        }
        let _waiting = lane.run.clock.start();
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    };
    if let Some(reply) = &found {
        delete(lane, &rpc, reply).await?;
    }
    Ok(value::map([("found", Value::Bool(found.is_some()))]))
}

/// The journal holds no secrets: one that has none gets those of the run.
fn with_secrets(request: Value, driver: Option<&Value>) -> Value {
    let has_some = match value::member(&request, "secrets") {
        Some(Value::Map(secrets)) => !secrets.map.is_empty(),
        _ => false,
    };
    match driver {
        Some(driver) if !has_some => with(&request, "secrets", map_at(driver, "secrets")),
        _ => request,
    }
}

/// Deletes what a reply tells of.
pub async fn delete(lane: &mut Lane, made_by: &str, reply: &Value) -> Result<(), Halt> {
    let id = |path| Value::from(text(reply, path));
    let (rpc, request) = match made_by {
        "Controller/CreateVolume" => {
            ("Controller/DeleteVolume", value::map([("volume_id", id("volume.volume_id"))]))
        }
        "Controller/CreateSnapshot" => {
            ("Controller/DeleteSnapshot", value::map([("snapshot_id", id("snapshot.snapshot_id"))]))
        }
        "GroupController/CreateVolumeGroupSnapshot" => {
            let members = list(reply, "group_snapshot.snapshots");
            let ids: Vec<String> =
                members.iter().map(|member| text(member, "snapshot_id")).collect();
            (
                "GroupController/DeleteVolumeGroupSnapshot",
                value::map([
                    ("group_snapshot_id", id("group_snapshot.group_snapshot_id")),
                    ("snapshot_ids", Value::from(ids)),
                ]),
            )
        }
        other => return Err(Halt::Error(format!("nobody knows how to delete what {other} makes"))),
    };
    answers::must(lane, rpc, &request).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_secrets_gets_those_of_the_run() {
        let secrets = |token: &str| value::map([("token", Value::from(token))]);
        let driver = value::map([("secrets", secrets("ours"))]);
        let of = |request: Value| map_at(&with_secrets(request, Some(&driver)), "secrets");
        assert_eq!(of(nothing()), secrets("ours"));
        assert_eq!(of(value::map([("secrets", nothing())])), secrets("ours"));
        assert_eq!(of(value::map([("secrets", secrets("its own"))])), secrets("its own"));
    }
}
