//! `cri.raw`: bytes that are no message, or to an rpc that there is not.

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

/// Sends bytes as they are, and tells the status that comes back.
pub const RAW: Verb = Verb {
    signature: Signature {
        name: "cri.raw",
        title: "sends any bytes to any rpc, also one that there is not",
        params: &[
            Param { name: "path", required: true, title: "Service/Rpc, also an unknown one" },
            Param { name: "bytes", required: false, title: "the request; empty if left out" },
        ],
        reply: || Type::members([("code", Type::Text), ("message", Type::Text)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(raw(lane, params)) },
};

async fn raw(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let path = params.text("path")?;
    let bytes = match params.get("bytes") {
        None => &[],
        Some(Value::Bytes(bytes)) => bytes.as_slice(),
        Some(Value::String(text)) => text.as_bytes(),
        Some(_) => return Err(Halt::Error("`bytes` is neither bytes nor text".to_owned())),
    };
    let answer = lane.send(path, bytes, lane.run.options.step_timeout).await;
    match answer.outcome {
        Outcome::Answered => Ok(value::map([
            ("code", Value::from(rpc::code_name(answer.code))),
            ("message", Value::from(answer.message)),
        ])),
        Outcome::Died(how) => Err(Halt::Died(format!("during {path}: {how}"))),
        Outcome::Cut | Outcome::Broken(_) | Outcome::Unreachable(_) => {
            Err(Halt::Error(format!("{path}: {}", answer.message)))
        }
    }
}
