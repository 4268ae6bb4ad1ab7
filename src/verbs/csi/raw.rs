//! `csi.raw`: a request with a field that the definition does not have.

use prost::Message as _;

use super::answers;
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// The most that a number of a field can be.
const LARGEST_FIELD: i64 = (1 << 29) - 1;

/// Adds an unknown field to a request.
pub const RAW: Verb = Verb {
    signature: Signature {
        name: "csi.raw",
        title: "a call whose request has a field that the definition does not have",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "unknown_field", required: false, title: "its number" },
        ],
        reply: || Type::members([("code", Type::Text), ("message", Type::Text)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(raw(lane, params)) },
};

async fn raw(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("call")?;
    let (method, mut message) = lane.request(name, params.get("with"))?;
    if params.get("unknown_field").is_some() {
        let number = params.number("unknown_field")?;
        if !(1..=LARGEST_FIELD).contains(&number) {
            return Err(Halt::Error(format!("{number} is no number of a field")));
        }
        // The message keeps what it does not know, and so passes it on.
        let field = varint_field(u64::try_from(number).unwrap_or(1));
        message.merge(field.as_slice()).map_err(|error| Halt::Error(error.to_string()))?;
    }
    let answer = lane.call(&method, &message, lane.run.options.step_timeout).await;
    answers::code(name, &answer)?;
    Ok(value::map([
        ("code", Value::from(rpc::code_name(answer.code))),
        ("message", Value::from(answer.message.as_str())),
    ]))
}

/// A field of type varint whose value is 1.
fn varint_field(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = number << 3;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap_or(0));
    bytes.push(1);
    bytes
}

#[cfg(test)]
mod tests {
    use prost_reflect::DynamicMessage;

    use super::*;

    #[test]
    fn an_unknown_field_is_passed_on() {
        assert_eq!(varint_field(1), [0x08, 1]);
        assert_eq!(varint_field(1000), [0xc0, 0x3e, 1]);
        let descriptor = crate::proto::pool().get_message_by_name("csi.v1.ProbeRequest").unwrap();
        let mut message = DynamicMessage::new(descriptor);
        message.merge(varint_field(1000).as_slice()).unwrap();
        assert_eq!(message.encode_to_vec(), [0xc0, 0x3e, 1]);
    }
}
