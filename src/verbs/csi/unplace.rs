//! `csi.unplace`: takes a volume back from the node; the volume itself stays.

use super::{
    advertised, answers,
    place::{Placed, paths},
    values::nothing,
};
use crate::{
    drive::csi::{Use, node::Kind},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

pub const UNPUBLISH: &str = "Node/NodeUnpublishVolume";
pub const UNSTAGE: &str = "Node/NodeUnstageVolume";
pub const DETACH: &str = "Controller/ControllerUnpublishVolume";

const PARAMS: &[Param] = &[Param { name: "placed", required: true, title: "what csi.place gave" }];

/// Takes back what csi.place did on the node and at the controller.
pub const UNPLACE: Verb = Verb {
    signature: Signature {
        name: "csi.unplace",
        title: "unpublishes, unstages and detaches a volume that was placed; it stays",
        params: PARAMS,
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(unplace(lane, params)) },
};

async fn unplace(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let given = params.get("placed").ok_or_else(|| Halt::Error("no `placed`".to_owned()))?;
    take_back(lane, &Placed::from_value(given)).await?;
    Ok(nothing())
}

/// Everything in reverse order. What suite.toml undoes after it finds nothing to do.
pub async fn take_back(lane: &mut Lane, placed: &Placed) -> Result<(), Halt> {
    let driver = paths::driver(lane)?;
    let used = driver.known.use_of(&placed.volume_id);
    let mut published = used.published;
    // A step of the check may have published it there.
    if !placed.target_path.is_empty()
        && let Ok(files) = driver.files(&lane.run.drive)
    {
        let _pending = lane.run.clock.start();
        if files.look(&placed.target_path).await.is_ok_and(|seen| seen.kind != Kind::Nothing) {
            published.insert(placed.target_path.clone());
        }
    }
    for target in &published {
        call(lane, UNPUBLISH, placed, ("target_path", target)).await?;
    }
    if !placed.staging_path.is_empty() {
        let staged = used.staged.unwrap_or_else(|| placed.staging_path.clone());
        call(lane, UNSTAGE, placed, ("staging_target_path", &staged)).await?;
    }
    if advertised::has(lane, "controller:PUBLISH_UNPUBLISH_VOLUME").await?
        && !placed.node_id.is_empty()
    {
        call(lane, DETACH, placed, ("node_id", &placed.node_id)).await?;
    }
    driver.known.set_use(&placed.volume_id, Use::default());
    Ok(())
}

async fn call(lane: &mut Lane, rpc: &str, placed: &Placed, and: (&str, &str)) -> Result<(), Halt> {
    let request = value::map([
        ("volume_id", Value::from(placed.volume_id.as_str())),
        (and.0, Value::from(and.1)),
    ]);
    let answer = answers::call(lane, rpc, Some(&request)).await?;
    answers::ok_or_gone(rpc, &answer)
}
