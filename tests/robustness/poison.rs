//! Puts what nobody wants to read into every place of a message that holds text.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

/// Escapes, controls, what ends a CDATA section, what turns a line around, markup, and what only looks
/// like nothing.
pub const NASTY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{0}\u{8}\r\n]]>\
    <![CDATA[<a href=\"x\">&amp;&#0;\u{202e}txet\u{2066}\u{200b}\u{feff}\u{fffe}\u{ffff}\u{ad}\
    \u{e0041}\u{7f}\u{85}\u{2028}'\\x1b\\u001b{{}}%s%n\t\u{1f980}";

/// As long as the bytes that take its place.
const MARK: &str = "@not-utf8@";
const NOT_UTF8: &[u8; 10] = b"\xff\xfe\x1b[2J\xc0\x80\xed\xa0";

/// What is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// [`NASTY`].
    Nasty,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// A megabyte, in the first few places; [`NASTY`] in the others.
    Megabyte,
    /// Ten thousand elements in every list and map.
    TenThousand,
    /// JSON that is nested deeply.
    Deep,
}

impl Poison {
    /// All of them.
    pub const ALL: [Poison; 5] =
        [Poison::Nasty, Poison::NotUtf8, Poison::Megabyte, Poison::TenThousand, Poison::Deep];
}

/// Which texts are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// All.
    Everywhere,
    /// All but ids and references, so that a run goes on with what it got.
    NotInIds,
}

/// A reply of that type with poison in every place that holds text; what is unset is set.
pub fn reply(of: &MessageDescriptor, sent: &Bytes, poison: Poison, places: Where) -> Bytes {
    let sent = DynamicMessage::decode(of.clone(), sent.clone());
    let mut message = sent.unwrap_or_else(|_| DynamicMessage::new(of.clone()));
    let mut poisoner = Poisoner { poison, places, megabytes: 4, in_list: false };
    poisoner.message(&mut message, 0);
    let mut bytes = message.encode_to_vec();
    if poison == Poison::NotUtf8 {
        let mut at = 0;
        while let Some(found) = find(&bytes[at..], MARK.as_bytes()) {
            at += found;
            bytes[at..at + NOT_UTF8.len()].copy_from_slice(NOT_UTF8);
        }
    }
    bytes.into()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

struct Poisoner {
    poison: Poison,
    places: Where,
    /// How many more texts may be that long: an answer has its limit.
    megabytes: usize,
    /// Within an element of a long list: what is in there is not long once more.
    in_list: bool,
}

impl Poisoner {
    fn message(&mut self, message: &mut DynamicMessage, depth: usize) {
        // No message of the interface is deeper; those that hold themselves would be endless.
        if depth > 8 {
            return;
        }
        for field in message.descriptor().fields() {
            self.field(message, &field, depth);
        }
    }

    fn field(&mut self, message: &mut DynamicMessage, field: &FieldDescriptor, depth: usize) {
        let long = self.poison == Poison::TenThousand && !self.in_list;
        let many = if long { 10_000 } else { 1 };
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return };
            let (key, kind) = (entry.map_entry_key_field(), entry.map_entry_value_field().kind());
            if key.kind() != Kind::String {
                return;
            }
            let mut message_value = message.get_field(field).into_owned();
            let Value::Map(entries) = &mut message_value else { return };
            for number in 0..many {
                let key = format!("{}{number}", self.text());
                let Some(value) = self.element(&kind, depth) else { return };
                entries.insert(MapKey::String(key), value);
            }
            message.set_field(field, message_value);
        } else if field.is_list() {
            let mut message_value = message.get_field(field).into_owned();
            let Value::List(items) = &mut message_value else { return };
            if let Kind::Message(_) = field.kind() {
                for item in items.iter_mut() {
                    if let Value::Message(inner) = item {
                        self.message(inner, depth + 1);
                    }
                }
            }
            let Some(value) = self.element(&field.kind(), depth) else { return };
            items.extend(std::iter::repeat_n(value, many));
            message.set_field(field, message_value);
        } else if !(self.places == Where::NotInIds && is_id(field.name())) {
            let now = message.has_field(field).then(|| message.get_field(field).into_owned());
            // Of a oneof the first member is as good as any other.
            if field.containing_oneof().is_some() && now.is_none() {
                return;
            }
            if let Some(value) = self.value(&field.kind(), now, depth) {
                message.set_field(field, value);
            }
        }
    }

    /// A new element of a list or map.
    fn element(&mut self, kind: &Kind, depth: usize) -> Option<Value> {
        let before = std::mem::replace(&mut self.in_list, true);
        let value = self.value(kind, None, depth);
        self.in_list = before;
        value
    }

    /// None: it holds no text.
    fn value(&mut self, kind: &Kind, now: Option<Value>, depth: usize) -> Option<Value> {
        match kind {
            Kind::String => Some(Value::String(self.text())),
            Kind::Bytes => Some(Value::Bytes(self.text().into())),
            Kind::Message(descriptor) => {
                let mut inner = match now {
                    Some(Value::Message(inner)) => inner,
                    _ => DynamicMessage::new(descriptor.clone()),
                };
                self.message(&mut inner, depth + 1);
                Some(Value::Message(inner))
            }
            _ => None,
        }
    }

    fn text(&mut self) -> String {
        match self.poison {
            Poison::Nasty => NASTY.to_owned(),
            // Short: it is their number that is hostile.
            Poison::TenThousand => "\u{1b}[2J]]>\u{202e}".to_owned(),
            Poison::NotUtf8 => MARK.to_owned(),
            Poison::Megabyte if self.megabytes > 0 => {
                self.megabytes -= 1;
                NASTY.repeat((1 << 20) / NASTY.len())
            }
            Poison::Megabyte => NASTY.to_owned(),
            Poison::Deep => format!("{}{}", "[{\"a\":".repeat(20_000), "}]".repeat(20_000)),
        }
    }
}

fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("_id") || name.ends_with("_ref") || name == "repo_tags"
}
