//! The functions that expressions have beyond those of CEL itself.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use cel::{Context, ExecutionError, Value, extractors::This};
use regex::Regex;

use super::value;

/// Compiled patterns by their text. CEL's own `matches` compiles its pattern each time that it is
/// evaluated, which takes longer than all else about an expression.
static PATTERNS: LazyLock<Mutex<HashMap<String, Result<Regex, String>>>> =
    LazyLock::new(Mutex::default);

/// Their names, for lint.
pub const NAMES: &[&str] = &[
    "json",
    "is_json",
    "is_ip",
    "is_cidr",
    "is_semver",
    "is_object",
    "is_list",
    "is_text",
    "is_whole",
    "before",
];

/// Adds them to a context, and CEL's own `matches`, which is ours.
pub fn add(context: &mut Context<'_, '_>) {
    // None of these is in the standard library as we build it.
    let added = [
        context.add_function("matches", matches),
        context.add_function("json", json),
        context.add_function("is_json", |text: Arc<String>| {
            serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok()
        }),
        context.add_function("is_ip", |text: Arc<String>| text.parse::<IpAddr>().is_ok()),
        context.add_function("is_cidr", |text: Arc<String>| is_cidr(&text)),
        context.add_function("is_object", |value: Value| matches!(value, Value::Map(_))),
        context.add_function("is_list", |value: Value| matches!(value, Value::List(_))),
        context.add_function("is_text", |value: Value| matches!(value, Value::String(_))),
        context.add_function("is_whole", |value: Value| {
            matches!(value, Value::Int(_) | Value::UInt(_))
        }),
        context.add_function("before", |text: Arc<String>, separator: Arc<String>| {
            let found = text.split_once(separator.as_str());
            found.map(|(before, _)| before.to_owned()).unwrap_or_default()
        }),
        context
            .add_function("is_semver", |text: Arc<String>| semver::Version::parse(&text).is_ok()),
    ];
    debug_assert!(added.iter().all(Result::is_ok));
}

/// `text.matches(pattern)`: whether the pattern is found in the text.
fn matches(text: This<Arc<String>>, pattern: Arc<String>) -> Result<bool, ExecutionError> {
    let regex = compiled(&pattern).map_err(|error| {
        ExecutionError::function_error("matches", format!("`{pattern}`: {error}"))
    })?;
    Ok(regex.is_match(&text.0))
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    let mut known = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = known.get(pattern) {
        return compiled.clone();
    }
    let compiled = Regex::new(pattern).map_err(|error| error.to_string());
    known.insert(pattern.to_owned(), compiled.clone());
    compiled
}

/// An address with the length of its prefix.
fn is_cidr(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return false };
    match (address.parse::<IpAddr>(), prefix.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(prefix)) => prefix <= 32,
        (Ok(IpAddr::V6(_)), Ok(prefix)) => prefix <= 128,
        _ => false,
    }
}

/// `json(text or bytes)`: the value that the JSON text stands for.
fn json(input: Value) -> Result<Value, ExecutionError> {
    let parsed = match &input {
        Value::String(text) => serde_json::from_str(text),
        Value::Bytes(bytes) => serde_json::from_slice(bytes),
        _ => return Err(ExecutionError::function_error("json", "takes text or bytes")),
    };
    parsed
        .map(|parsed: serde_json::Value| value::from_json(&parsed))
        .map_err(|error| ExecutionError::function_error("json", format!("not JSON: {error}")))
}
