//! Decodes replies and, where that fails, finds the field at fault.

use bytes::{Buf, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

/// Decodes a reply.
///
/// # Errors
/// Which field is wrong and how: `status.labels: text that is not UTF-8`.
pub fn decode(descriptor: &MessageDescriptor, bytes: &Bytes) -> Result<DynamicMessage, String> {
    DynamicMessage::decode(descriptor.clone(), bytes.clone()).map_err(|error| {
        fault(descriptor, bytes.clone(), "", 0)
            .unwrap_or_else(|| format!("{}: {error}", descriptor.name()))
    })
}

/// The first field that breaks the encoding, as `path: what is wrong`.
fn fault(message: &MessageDescriptor, mut bytes: Bytes, path: &str, depth: u8) -> Option<String> {
    let here = || if path.is_empty() { message.name().to_owned() } else { path.to_owned() };
    while bytes.has_remaining() {
        let Ok((number, wire)) = decode_key(&mut bytes) else {
            return Some(format!("{}: bytes that are no field", here()));
        };
        let field = message.get_field(number);
        let name = match &field {
            Some(field) if path.is_empty() => field.name().to_owned(),
            Some(field) => format!("{path}.{}", field.name()),
            None => format!("{}.#{number}", here()),
        };
        match wire {
            WireType::Varint => {
                if decode_varint(&mut bytes).is_err() {
                    return Some(format!("{name}: a number that is cut or too long"));
                }
            }
            WireType::SixtyFourBit | WireType::ThirtyTwoBit => {
                let width = if wire == WireType::SixtyFourBit { 8 } else { 4 };
                if bytes.remaining() < width {
                    return Some(format!("{name}: a number that is cut"));
                }
                bytes.advance(width);
            }
            WireType::LengthDelimited => {
                let Ok(length) = decode_varint(&mut bytes) else {
                    return Some(format!("{name}: a length that is cut"));
                };
                let Some(length) =
                    usize::try_from(length).ok().filter(|length| *length <= bytes.remaining())
                else {
                    return Some(format!("{name}: longer than the message"));
                };
                let content = bytes.split_to(length);
                match field.map(|field| field.kind()) {
                    Some(Kind::String) if std::str::from_utf8(&content).is_err() => {
                        return Some(format!("{name}: text that is not UTF-8"));
                    }
                    Some(Kind::Message(inner)) if depth < 100 => {
                        if let Some(found) = fault(&inner, content, &name, depth + 1) {
                            return Some(found);
                        }
                    }
                    _ => {}
                }
            }
            WireType::StartGroup | WireType::EndGroup => {
                return Some(format!("{name}: a group, which proto3 does not have"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(name: &str) -> MessageDescriptor {
        crate::proto::pool().get_message_by_name(name).unwrap()
    }

    #[test]
    fn a_text_that_is_no_utf8_is_named_by_its_field() {
        // field 1 (sandbox_id of RunPodSandboxResponse), two bytes that are no UTF-8
        let bytes = Bytes::from_static(&[0x0a, 2, 0xff, 0xfe]);
        let error = decode(&descriptor("runtime.v1.RunPodSandboxResponse"), &bytes).unwrap_err();
        assert_eq!(error, "pod_sandbox_id: text that is not UTF-8");
        // one level down: status.id of PodSandboxStatusResponse
        let bytes = Bytes::from_static(&[0x0a, 4, 0x0a, 2, 0xff, 0xfe]);
        let error = decode(&descriptor("runtime.v1.PodSandboxStatusResponse"), &bytes).unwrap_err();
        assert_eq!(error, "status.id: text that is not UTF-8");
    }

    #[test]
    fn a_cut_message_is_told_as_such() {
        let bytes = Bytes::from_static(&[0x0a, 9, b'x']);
        let error = decode(&descriptor("runtime.v1.VersionResponse"), &bytes).unwrap_err();
        assert_eq!(error, "version: longer than the message");
    }
}
