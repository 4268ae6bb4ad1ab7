//! `csi.gone`: a volume that was there and is no more.

use super::{
    advertised, answers,
    place::{self, Placed},
    unplace,
    values::map_at,
    volume,
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, value},
        signature::Signature,
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Makes a volume, attaches it, takes it back and deletes it.
pub const GONE: Verb = Verb {
    signature: Signature {
        name: "csi.gone",
        title: "a volume that was created and deleted again, with all that calls about it need",
        params: &[],
        reply: Placed::reply,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(gone(lane, params)) },
};

async fn gone(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    if !advertised::has(lane, "controller:CREATE_DELETE_VOLUME").await? {
        let why = "the driver creates no volumes".to_owned();
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    }
    let made = volume::create(lane, None, &[]).await?;
    let usual = lane.scope.get("driver").map(|driver| map_at(driver, "capability"));
    let capability = usual.unwrap_or_else(super::values::nothing);
    let mut placed = place::of_volume(lane, &made, capability);
    place::make_paths(lane, &mut placed, None).await?;
    if advertised::has(lane, "controller:PUBLISH_UNPUBLISH_VOLUME").await? {
        place::attach(lane, &mut placed).await?;
        let request = value::map([
            ("volume_id", Value::from(placed.volume_id.as_str())),
            ("node_id", Value::from(placed.node_id.as_str())),
        ]);
        answers::must(lane, unplace::DETACH, &request).await?;
    }
    let request = value::map([("volume_id", Value::from(placed.volume_id.as_str()))]);
    answers::must(lane, "Controller/DeleteVolume", &request).await?;
    Ok(placed.to_value())
}
