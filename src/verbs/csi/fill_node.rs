//! `csi.fill_node`: more volumes on a node than it says that it takes.

use tonic::Code;

use super::{
    answers,
    place::{self, ATTACH},
    values::{int, map_at, nothing},
    volume,
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Attaches volumes until the node has one too many, or the driver refuses.
pub const FILL_NODE: Verb = Verb {
    signature: Signature {
        name: "csi.fill_node",
        title: "attaches one volume more than NodeGetInfo allows, or as many as the driver takes",
        params: &[Param { name: "most", required: true, title: "skips the check above so many" }],
        reply: || {
            Type::members([
                ("limit", Type::Int),
                ("published", Type::Int),
                ("code", Type::Text),
                ("message", Type::Text),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(fill(lane, params)) },
};

async fn fill(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let most = params.number("most")?;
    let info = answers::must(lane, "Node/NodeGetInfo", &nothing()).await?;
    let limit = int(&info, "max_volumes_per_node");
    if limit <= 0 {
        let why = "the node names no limit (max_volumes_per_node)".to_owned();
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    }
    if limit > most {
        let why = format!("the node takes {limit} volumes: more than the {most} that are tried");
        return Err(Halt::Skip(SkipKind::NotChecked, why));
    }
    let usual = lane.scope.get("driver").map(|driver| map_at(driver, "capability"));
    let usual = usual.unwrap_or_else(nothing);
    let mut published = 0;
    let mut last = (Code::Ok, String::new());
    while published <= limit && last.0 == Code::Ok {
        let made = volume::create(lane, None, &[]).await?;
        let placed = place::of_volume(lane, &made, usual.clone());
        let request = value::map([
            ("volume_id", Value::from(placed.volume_id)),
            ("node_id", Value::from(placed.node_id)),
            ("volume_capability", placed.capability),
            ("volume_context", placed.volume_context),
        ]);
        let answer = answers::call(lane, ATTACH, Some(&request)).await?;
        if answer.code == Code::Ok {
            published += 1;
        }
        last = (answer.code, answer.message.clone());
    }
    Ok(value::map([
        ("limit", Value::Int(limit)),
        ("published", Value::Int(published)),
        ("code", Value::from(rpc::code_name(last.0))),
        ("message", Value::from(last.1)),
    ]))
}
