//! `csi.grow`: the controller's half of an expansion.

use tonic::Code;

use super::{
    advertised, answers,
    place::{self, Placed, paths},
    unplace,
    values::{flag, int},
};
use crate::{
    run::{
        halt::Halt,
        lane::{Lane, refusal},
    },
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

const EXPAND: &str = "Controller/ControllerExpandVolume";

/// Expands a volume at the controller, out of use where it must be.
pub const GROW: Verb = Verb {
    signature: Signature {
        name: "csi.grow",
        title: "expands a placed volume to driver.larger as far as the controller does it",
        params: &[Param { name: "placed", required: true, title: "what csi.place gave" }],
        reply: || {
            Type::members([("capacity_bytes", Type::Int), ("node_expansion_required", Type::Bool)])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(grow(lane, params)) },
};

async fn grow(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let given = params.get("placed").ok_or_else(|| Halt::Error("no `placed`".to_owned()))?;
    let mut placed = Placed::from_value(given);
    let larger = lane.scope.get("driver").map_or(0, |driver| int(driver, "larger"));
    if !advertised::has(lane, "controller:EXPAND_VOLUME").await? {
        return Ok(told(larger, true));
    }
    let before = paths::driver(lane)?.known.use_of(&placed.volume_id);
    let in_use = advertised::has(lane, "expansion:ONLINE").await?;
    if !in_use {
        unplace::take_back(lane, &placed).await?;
    }
    let request = value::map([
        ("volume_id", Value::from(placed.volume_id.as_str())),
        ("volume_capability", placed.capability.clone()),
    ]);
    let answer = answers::call(lane, EXPAND, Some(&request)).await?;
    if answer.code == Code::OutOfRange {
        let why = refusal(EXPAND, &answer).line();
        return Err(Halt::Skip(SkipKind::NotChecked, why));
    }
    let reply = answers::ok(EXPAND, &answer)?;
    if !in_use {
        // As far as it was before, at the same paths.
        let until = if !before.published.is_empty() {
            place::Until::Published
        } else if before.staged.is_some() {
            place::Until::Staged
        } else {
            place::Until::Attached
        };
        if before.attached || until > place::Until::Attached {
            place::bring(lane, &mut placed, until, false).await?;
        }
    }
    Ok(told(int(&reply, "capacity_bytes"), flag(&reply, "node_expansion_required")))
}

fn told(capacity: i64, node: bool) -> Value {
    value::map([
        ("capacity_bytes", Value::Int(capacity)),
        ("node_expansion_required", Value::Bool(node)),
    ])
}
