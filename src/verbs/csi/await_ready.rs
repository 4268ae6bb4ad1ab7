//! `csi.await_ready`: waits until a snapshot is ready to use.

use std::time::{Duration, Instant};

use super::{
    advertised, answers,
    values::{flag, list, map_at, message_type, text},
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How long a look may be put off where nothing happens for long.
const LOOK_AGAIN_AT_LAST: Duration = Duration::from_secs(1);

/// Asks for a snapshot until it is ready.
pub const AWAIT_READY: Verb = Verb {
    signature: Signature {
        name: "csi.await_ready",
        title: "waits until a snapshot is ready to use, 60 s at most; skips the check then",
        params: &[
            Param { name: "snapshot", required: true, title: "a Snapshot" },
            Param { name: "name", required: false, title: "the name that it was made with" },
        ],
        reply: || Type::members([("snapshot", message_type("Snapshot"))]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(verb(lane, params)) },
};

async fn verb(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let snapshot = params.get("snapshot").ok_or_else(|| Halt::Error("no `snapshot`".to_owned()))?;
    let name = params.get("name").map(value::as_text).unwrap_or_default();
    let snapshot = await_ready(lane, snapshot, &name).await?;
    Ok(value::map([("snapshot", snapshot)]))
}

/// The snapshot when it is ready.
pub async fn await_ready(lane: &mut Lane, snapshot: &Value, name: &str) -> Result<Value, Halt> {
    let begin = Instant::now();
    let mut pause = LOOK_AGAIN_AFTER;
    let mut seen = snapshot.clone();
    let evidence = lane.exchanges.len();
    while !flag(&seen, "ready_to_use") {
        if begin.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            let why = format!("the snapshot is not ready to use after {seconds} s");
            return Err(Halt::Skip(SkipKind::NotChecked, why));
        }
        let waiting = lane.run.clock.start();
        tokio::time::sleep(pause).await;
        drop(waiting);
        pause = (pause * 2).min(LOOK_AGAIN_AT_LAST);
        // Of many looks the last is the evidence.
        lane.exchanges.truncate(evidence);
        if let Some(now) = look(lane, snapshot, name).await? {
            seen = now;
        }
    }
    Ok(seen)
}

async fn look(lane: &mut Lane, snapshot: &Value, name: &str) -> Result<Option<Value>, Halt> {
    let id = text(snapshot, "snapshot_id");
    let with_id = value::map([("snapshot_id", Value::from(id.as_str()))]);
    if advertised::has(lane, "controller:GET_SNAPSHOT").await? {
        let reply = answers::must(lane, "Controller/GetSnapshot", &with_id).await?;
        return Ok(Some(map_at(&reply, "snapshot")));
    }
    if advertised::has(lane, "controller:LIST_SNAPSHOTS").await? {
        let reply = answers::must(lane, "Controller/ListSnapshots", &with_id).await?;
        let listed = list(&reply, "entries").into_iter().map(|entry| map_at(&entry, "snapshot"));
        return Ok(listed.into_iter().find(|known| text(known, "snapshot_id") == id));
    }
    if name.is_empty() {
        let why = "the driver has no way to tell whether the snapshot is ready".to_owned();
        return Err(Halt::Skip(SkipKind::NotChecked, why));
    }
    // The same request again tells of the same snapshot. It is undone once already.
    let again = value::map([
        ("name", Value::from(name)),
        ("source_volume_id", Value::from(text(snapshot, "source_volume_id"))),
    ]);
    let rpc = "Controller/CreateSnapshot";
    let (_, message) = lane.request(rpc, Some(&again))?;
    let patience = lane.run.options.step_timeout;
    let answer = lane.ask_kept(rpc, value::from_message(&message), patience).await?;
    if answers::is_passing(answers::code(rpc, &answer)?) {
        return Ok(None);
    }
    Ok(Some(map_at(&answers::ok(rpc, &answer)?, "snapshot")))
}
