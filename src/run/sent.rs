//! A request in its three forms: the message, the bytes that go over the wire, and what expressions see.
//! Whoever wants one of them first makes it, for all.

use std::sync::{Arc, OnceLock};

use bytes::{Buf as _, Bytes};
use prost::{
    Message as _,
    encoding::{DecodeContext, decode_key, skip_field},
};
use prost_reflect::DynamicMessage;

use crate::suite::expr::{Value, value};

/// A request. Clones are the same.
#[derive(Clone, Debug)]
pub struct Sent(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: DynamicMessage,
    bytes: OnceLock<Bytes>,
    value: OnceLock<Value>,
}

impl Sent {
    /// The message.
    pub fn message(&self) -> &DynamicMessage {
        &self.0.message
    }

    /// What goes over the wire.
    pub fn bytes(&self) -> &Bytes {
        self.0.bytes.get_or_init(|| self.0.message.encode_to_vec().into())
    }

    /// The same without the field of that number.
    pub fn bytes_without(&self, number: u32) -> Vec<u8> {
        let mut rest = self.bytes().clone();
        let mut kept = Vec::with_capacity(rest.len());
        while rest.has_remaining() {
            let field = rest.clone();
            // They are ours: what cannot be read ends them.
            let Ok((found, wire)) = decode_key(&mut rest) else { break };
            if skip_field(wire, found, &mut rest, DecodeContext::default()).is_err() {
                break;
            }
            if found != number {
                kept.extend_from_slice(&field[..field.len() - rest.len()]);
            }
        }
        kept
    }

    /// What expressions see.
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| value::from_message(&self.0.message))
    }
}

impl From<DynamicMessage> for Sent {
    fn from(message: DynamicMessage) -> Sent {
        Sent(Arc::new(Inner { message, bytes: OnceLock::new(), value: OnceLock::new() }))
    }
}

impl From<&DynamicMessage> for Sent {
    fn from(message: &DynamicMessage) -> Sent {
        message.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{request, rpc};

    #[test]
    fn a_field_is_left_out_and_the_rest_stays_as_it_is() {
        let method = rpc::find("csi.v1", "Controller/CreateVolume").unwrap();
        let secrets = method.input().get_field_by_name("secrets").unwrap();
        let text = |text: &str| Value::from(text);
        let of = |members: Vec<(&str, Value)>| {
            let mut message = DynamicMessage::new(method.input());
            request::fill(&mut message, &value::map(members)).unwrap();
            // What nobody knows passes, too.
            message.merge([0xa0, 0x06, 0x01].as_slice()).unwrap();
            Sent::from(message)
        };
        let others = vec![
            ("name", text("a")),
            ("capacity_range", value::map([("limit_bytes", Value::Int(-1))])),
            ("parameters", value::map([("b", text("c"))])),
        ];
        let hidden = ("secrets", value::map([("d", text("hidden")), ("e", text("hidden"))]));
        let whole = of(others.iter().cloned().chain([hidden]).collect());
        assert_eq!(whole.bytes_without(secrets.number()), of(others).bytes().to_vec());
        assert!(whole.bytes().windows(6).any(|part| part == b"hidden"));
    }
}
