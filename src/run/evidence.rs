//! Turns messages into evidence: JSON for the reader, secrets redacted, long values cut.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use base64::Engine as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use serde_json::{Map, Value as Json};

use crate::proto;

/// The longest text that evidence keeps, in bytes; logs of a whole container do not help a reader.
const LONGEST_TEXT: usize = 2_000;
/// The longest command line, in bytes.
const LONGEST_COMMAND: usize = 32 * 1024;
/// The most elements of a list or map that evidence keeps.
const MOST_ELEMENTS: usize = 50;
/// A secret this short would redact ordinary words.
const SHORTEST_SECRET: usize = 4;
const REDACTED: &str = "[redacted]";

/// Knows the secrets of a run, and takes them out of everything that is shown: targets echo them in
/// their messages.
#[derive(Debug, Default)]
pub struct Redactor {
    secrets: Mutex<Vec<String>>,
    /// The fields with secrets in them or below them, by the full name of a message.
    secretive: Mutex<HashMap<String, Arc<[Secretive]>>>,
}

/// A field that holds secrets itself, or messages that do.
#[derive(Debug)]
struct Secretive {
    field: FieldDescriptor,
    itself: bool,
}

impl Redactor {
    /// Takes this text out of everything that is shown from now on.
    pub fn learn(&self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            if !secrets.iter().any(|known| known == secret) {
                secrets.push(secret.to_owned());
                // One that is part of another must not leave the rest of that.
                secrets.sort_by_key(|known| std::cmp::Reverse(known.len()));
            }
        }
    }

    /// The same for every secret in a message.
    pub fn learn_from(&self, message: &DynamicMessage) {
        for Secretive { field, itself } in self.secretive(&message.descriptor()).iter() {
            if !message.has_field(field) {
                continue;
            }
            let value = message.get_field(field);
            if *itself {
                self.learn_all(&value);
                continue;
            }
            match &*value {
                Value::Message(inner) => self.learn_from(inner),
                Value::List(items) => {
                    items.iter().filter_map(Value::as_message).for_each(|m| self.learn_from(m));
                }
                Value::Map(entries) => {
                    entries.values().filter_map(Value::as_message).for_each(|m| self.learn_from(m));
                }
                _ => {}
            }
        }
    }

    fn secretive(&self, message: &MessageDescriptor) -> Arc<[Secretive]> {
        let mut known = self.secretive.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(message.full_name()) {
            return known.clone();
        }
        let found: Arc<[Secretive]> = message
            .fields()
            .filter_map(|field| {
                let itself = proto::is_secret(&field);
                let below = || match field.kind() {
                    Kind::Message(inner) => has_secrets(&inner, &mut HashSet::new()),
                    _ => false,
                };
                (itself || below()).then_some(Secretive { field, itself })
            })
            .collect();
        known.insert(message.full_name().to_owned(), found.clone());
        found
    }

    /// A text without the secrets, cut.
    pub fn text(&self, text: &str) -> String {
        self.shown(text, LONGEST_TEXT)
    }

    /// A command line without the secrets: cut late, since somebody may want to give it to a shell.
    pub fn command(&self, line: &str) -> String {
        self.shown(line, LONGEST_COMMAND)
    }

    /// Takes the secrets out of a text.
    pub fn hide(&self, text: &mut String) {
        for secret in self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(secret) {
                *text = text.replace(secret, REDACTED);
            }
        }
    }

    fn shown(&self, text: &str, longest: usize) -> String {
        if self.knows_none() {
            return cut(text, longest);
        }
        // Before it is cut, or a part of one may stay.
        let mut text = text.to_owned();
        self.hide(&mut text);
        cut(&text, longest)
    }

    fn knows_none(&self) -> bool {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether a secret is in bytes that are no text.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().any(|secret| bytes.windows(secret.len()).any(|at| at == secret.as_bytes()))
    }

    /// JSON without the secrets.
    pub fn json(&self, json: Json) -> Json {
        match json {
            Json::String(text) => Json::String(self.text(&text)),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(members) => members
                .into_iter()
                .map(|(key, value)| (self.text(&key), self.json(value)))
                .collect(),
            other => other,
        }
    }

    /// A message for the reader: fields that are set, by name. Learns the secrets in it.
    pub fn message(&self, message: &DynamicMessage) -> Json {
        let mut members = Map::new();
        for field in message.descriptor().fields() {
            if message.has_field(&field) {
                let value = message.get_field(&field);
                members.insert(field.name().to_owned(), self.field(&field, &value));
            }
        }
        Json::Object(members)
    }

    fn field(&self, field: &FieldDescriptor, value: &Value) -> Json {
        if proto::is_secret(field) {
            self.learn_all(value);
            return REDACTED.into();
        }
        match value {
            Value::List(items) => {
                let mut shown: Vec<Json> = items
                    .iter()
                    .take(MOST_ELEMENTS)
                    .map(|item| self.value(&field.kind(), item))
                    .collect();
                if items.len() > MOST_ELEMENTS {
                    shown.push(format!("… {} more", items.len() - MOST_ELEMENTS).into());
                }
                Json::Array(shown)
            }
            Value::Map(entries) => {
                let Kind::Message(entry) = field.kind() else { return Json::Null };
                let kind = entry.map_entry_value_field().kind();
                let mut keys: Vec<(&MapKey, &Value)> = entries.iter().collect();
                keys.sort_by(|a, b| a.0.cmp(b.0));
                let mut shown: Map<String, Json> = keys
                    .iter()
                    .take(MOST_ELEMENTS)
                    .map(|(key, value)| (self.text(&key_text(key)), self.value(&kind, value)))
                    .collect();
                if keys.len() > MOST_ELEMENTS {
                    shown.insert("…".into(), format!("{} more", keys.len() - MOST_ELEMENTS).into());
                }
                Json::Object(shown)
            }
            single => self.value(&field.kind(), single),
        }
    }

    fn value(&self, kind: &Kind, value: &Value) -> Json {
        match value {
            Value::Bool(value) => (*value).into(),
            Value::I32(value) => (*value).into(),
            Value::I64(value) => (*value).into(),
            Value::U32(value) => (*value).into(),
            Value::U64(value) => (*value).into(),
            Value::F32(value) => (*value).into(),
            Value::F64(value) => (*value).into(),
            Value::String(text) => self.text(text).into(),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.text(text).into(),
                Err(_) if self.is_in(bytes) => {
                    format!("{REDACTED} ({} bytes in all)", bytes.len()).into()
                }
                Err(_) => {
                    // Not all of a long one is encoded, only to be cut then.
                    let start = &bytes[..bytes.len().min(LONGEST_TEXT)];
                    let text = base64::engine::general_purpose::STANDARD.encode(start);
                    let rest = match bytes.len() > start.len() {
                        true => format!("… ({} bytes in all)", bytes.len()),
                        false => String::new(),
                    };
                    format!("base64:{text}{rest}").into()
                }
            },
            Value::EnumNumber(number) => match kind {
                Kind::Enum(descriptor) => descriptor
                    .get_value(*number)
                    .map_or_else(|| (*number).into(), |known| known.name().into()),
                _ => (*number).into(),
            },
            Value::Message(message) => self.message(message),
            Value::List(_) | Value::Map(_) => Json::Null,
        }
    }

    fn learn_all(&self, value: &Value) {
        match value {
            Value::String(text) => self.learn(text),
            Value::Bytes(bytes) => self.learn(&String::from_utf8_lossy(bytes)),
            Value::List(items) => items.iter().for_each(|item| self.learn_all(item)),
            Value::Map(entries) => entries.values().for_each(|item| self.learn_all(item)),
            _ => {}
        }
    }
}

/// Whether there are fields for secrets in a message or below it. One that was `seen`, or that holds itself,
/// has no more of them for that.
fn has_secrets(message: &MessageDescriptor, seen: &mut HashSet<String>) -> bool {
    if !seen.insert(message.full_name().to_owned()) {
        return false;
    }
    message.fields().any(|field| match field.kind() {
        _ if proto::is_secret(&field) => true,
        Kind::Message(inner) => has_secrets(&inner, seen),
        _ => false,
    })
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
    }
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let mut end = longest;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_redacted_in_its_field_and_wherever_it_is_echoed() {
        let redactor = Redactor::default();
        let auth = proto::pool().get_message_by_name("runtime.v1.AuthConfig").unwrap();
        let mut message = DynamicMessage::new(auth);
        message.set_field_by_name("username", Value::String("me".into()));
        message.set_field_by_name("password", Value::String("hunter2!".into()));
        let shown = redactor.message(&message);
        assert_eq!(shown["password"], REDACTED);
        assert_eq!(shown["username"], "me");
        assert_eq!(redactor.text("login hunter2! failed"), "login [redacted] failed");
    }

    #[test]
    fn a_secret_at_the_cut_or_in_another_one_is_hidden_whole() {
        let redactor = Redactor::default();
        redactor.learn("abcd");
        redactor.learn("abcdefgh");
        assert_eq!(redactor.text("x abcdefgh y"), "x [redacted] y");
        let long = format!("{}abcdefgh", "x".repeat(LONGEST_TEXT - 3));
        let shown = redactor.text(&long);
        assert!(!shown.contains("abc"), "{}", &shown[LONGEST_TEXT - 10..]);
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let shown = Redactor::default().text(&"ä".repeat(LONGEST_TEXT));
        assert!(shown.len() < LONGEST_TEXT + 60, "{}", shown.len());
        assert!(shown.ends_with(&format!("({} bytes in all)", 2 * LONGEST_TEXT)));
    }

    #[test]
    fn long_bytes_are_cut_before_they_are_encoded() {
        let long = Value::Bytes(vec![0xff; 1_000_000].into());
        let shown = Redactor::default().value(&Kind::Bytes, &long);
        let shown = shown.as_str().expect("text");
        assert!(shown.starts_with("base64:////"), "{shown}");
        assert!(shown.ends_with("… (1000000 bytes in all)"), "{shown}");
        assert!(shown.len() < LONGEST_TEXT * 3 / 2, "{}", shown.len());
        let short = Redactor::default().value(&Kind::Bytes, &Value::Bytes(vec![0xff].into()));
        assert_eq!(short, "base64:/w==");
    }
}
