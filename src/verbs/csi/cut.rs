//! `csi.cut`: a call that is cut in its middle, and repeated.

use std::time::Duration;

use super::{answers, parallel::settle};
use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

const USUAL_MS: i64 = 5;

/// Cuts a call by a deadline, and repeats it until it settles.
pub const CUT: Verb = Verb {
    signature: Signature {
        name: "csi.cut",
        title: "a call that our deadline cuts, repeated with the same fields until it settles",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "after_ms", required: false, title: "the deadline; 5 if left out" },
        ],
        reply: || {
            Type::members([
                ("cut", Type::Bool),
                ("codes", super::values::texts_type()),
                ("code", Type::Text),
                ("message", Type::Text),
                ("reply", Type::Dyn),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(cut(lane, params)) },
};

async fn cut(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("call")?;
    let after = params.get("after_ms").map_or(Ok(USUAL_MS), |_| params.number("after_ms"))?;
    let deadline = Duration::from_millis(u64::try_from(after).unwrap_or_default().max(1));
    let (method, message) = lane.request(name, params.get("with"))?;
    let first = lane.call(&method, &message, deadline).await;
    let was_cut = first.outcome == Outcome::Cut;
    if !was_cut {
        answers::code(name, &first)?;
    }
    let (codes, last) = settle(lane, name, &method, &message).await?;
    Ok(value::map([
        ("cut", Value::Bool(was_cut)),
        ("codes", Value::from(codes)),
        ("code", Value::from(rpc::code_name(last.code))),
        ("message", Value::from(last.message.as_str())),
        ("reply", answers::reply(&last)),
    ]))
}
