//! `csi.endpoints`: the same call where the controller listens and where the node does.

use super::answers;
use crate::{
    drive::grpc::NEVER,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Calls both endpoints.
pub const ENDPOINTS: Verb = Verb {
    signature: Signature {
        name: "csi.endpoints",
        title: "the same call at the controller's and at the node's endpoint",
        params: &[Param { name: "call", required: true, title: "Service/Rpc" }],
        reply: || {
            let answer = || {
                Type::members([("code", Type::Text), ("message", Type::Text), ("reply", Type::Dyn)])
            };
            Type::members([("controller", answer()), ("node", answer())])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(endpoints(lane, params)) },
};

async fn endpoints(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("call")?;
    let run = lane.run.clone();
    let [controller, node] = run.drive.endpoints()[..] else {
        let why = "the driver has one endpoint".to_owned();
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    };
    let (method, message) = lane.request(name, None)?;
    let mut told = Vec::new();
    for (place, grpc) in [("controller", controller), ("node", node)] {
        let answer = grpc.call_until(&method, &message, run.options.step_timeout, NEVER).await;
        answers::code(&format!("{name} at the {place}'s endpoint"), &answer)?;
        told.push((place, answers::told(&answer)));
    }
    Ok(value::map(told))
}
