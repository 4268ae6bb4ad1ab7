//! `csi.use`: whether a volume can be used on this node with exactly what a step was told of it.

use super::{
    answers,
    place::{self, Placed},
    values::{map_at, text},
};
use crate::{
    drive::{
        csi::node::{Pattern, Place},
        grpc::Answer,
    },
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// How much is written.
const SIZE: u64 = 64 * 1024;

/// Stages and publishes what ControllerPublishVolume answered.
pub const USE: Verb = Verb {
    signature: Signature {
        name: "csi.use",
        title: "stages and publishes a volume as ControllerPublishVolume was asked and answered",
        params: &[
            Param { name: "of", required: true, title: "the `as` of a ControllerPublishVolume" },
            Param { name: "write", required: false, title: "also writes to it" },
        ],
        reply: || {
            Type::members([
                ("tried", Type::Bool),
                ("works", Type::Bool),
                ("wrote", Type::Bool),
                ("code", Type::Text),
                ("message", Type::Text),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(try_out(lane, params)) },
};

async fn try_out(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let of = params.get("of").ok_or_else(|| Halt::Error("no `of`".to_owned()))?.clone();
    if text(&of, "code") != "OK" {
        return Ok(told(false, false, false, &text(&of, "code"), &text(&of, "message")));
    }
    let mut placed = Placed {
        volume_id: text(&of, "request.volume_id"),
        volume_context: map_at(&of, "request.volume_context"),
        publish_context: map_at(&of, "reply.publish_context"),
        capability: map_at(&of, "request.volume_capability"),
        staging_path: String::new(),
        target_path: String::new(),
        readonly: false,
        node_id: text(&of, "request.node_id"),
        capacity_bytes: 0,
        created: false,
        name: String::new(),
    };
    place::make_paths(lane, &mut placed, None).await?;
    if !placed.staging_path.is_empty() {
        let answer =
            answers::call(lane, place::STAGE, Some(&place::stage_request(&placed))).await?;
        if let Some(refused) = refused(&answer) {
            return Ok(refused);
        }
    }
    let answer =
        answers::call(lane, place::PUBLISH, Some(&place::publish_request(&placed))).await?;
    if let Some(refused) = refused(&answer) {
        return Ok(refused);
    }
    let mut wrote = false;
    if params.flag("write")? {
        let place = Place {
            path: placed.target_path.clone(),
            file: "stdcheck-data".to_owned(),
            offset: 0,
            size: SIZE,
        };
        let pattern = Pattern::of(&placed.target_path);
        let written = format!("{}/{}", place.path, place.file);
        place::paths::discard_at_end(lane, written).await?;
        let files = place::paths::files(lane)?;
        let _pending = lane.run.clock.start();
        wrote = files.write(&place, pattern).await.map_err(Halt::Error)?.error.is_empty();
    }
    Ok(told(true, true, wrote, "OK", ""))
}

fn refused(answer: &Answer) -> Option<Value> {
    let code = rpc::code_name(answer.code);
    (answer.code != tonic::Code::Ok).then(|| told(true, false, false, code, &answer.message))
}

fn told(tried: bool, works: bool, wrote: bool, code: &str, message: &str) -> Value {
    value::map([
        ("tried", Value::Bool(tried)),
        ("works", Value::Bool(works)),
        ("wrote", Value::Bool(wrote)),
        ("code", Value::from(code)),
        ("message", Value::from(message)),
    ])
}
