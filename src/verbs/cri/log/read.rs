//! `log.read`: what stands in a container's log.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    beginning, int,
    line::{Line, whole},
};
use crate::{
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// The most lines that are told one by one.
const MOST_LINES: usize = 10_000;

/// Reads a log line by line.
pub const READ: Verb = Verb {
    signature: Signature {
        name: "log.read",
        title: "reads a container's log: its lines, and each stream as it was written",
        params: &[Param { name: "path", required: true, title: "the absolute path of the log" }],
        reply: || {
            let line = Type::members([
                ("raw", Type::Text),
                ("well_formed", Type::Bool),
                ("time", Type::Text),
                ("stream", Type::Text),
                ("tags", Type::List(Box::new(Type::Text))),
                ("content", Type::Text),
            ]);
            Type::members([
                ("exists", Type::Bool),
                ("size", Type::Int),
                ("lines", Type::List(Box::new(line))),
                ("unfinished", Type::Text),
                ("stdout", Type::Bytes),
                ("stderr", Type::Bytes),
                ("backwards", Type::List(Box::new(Type::Text))),
            ])
        },
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { read(&params) }) },
};

fn read(params: &Params) -> Result<Value, Halt> {
    let found = beginning(params.text("path")?)?;
    let (size, bytes) = found.as_ref().map_or((0, &[][..]), |(size, bytes)| (*size, &bytes[..]));
    Ok(tell(found.is_some(), size, bytes))
}

/// The pieces of each stream, put together again: a newline behind each that ends a line.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    /// The latest time, and the line that has it.
    latest: Option<(i64, String)>,
}

fn tell(exists: bool, size: u64, bytes: &[u8]) -> Value {
    let mut streams: BTreeMap<String, Output> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut backwards = Vec::new();
    for raw in whole(bytes).take(MOST_LINES) {
        let line = Line::parse(raw);
        let stream = streams.entry(line.stream.clone()).or_default();
        stream.bytes.extend_from_slice(&line.content);
        if !line.is_partial() {
            stream.bytes.push(b'\n');
        }
        if let Some(time) = line.time_ns {
            match &stream.latest {
                Some((latest, written)) if time < *latest => {
                    backwards.push(format!("{}: {written}, then {}", line.stream, line.time));
                }
                _ => stream.latest = Some((time, line.time.clone())),
            }
        }
        lines.push(as_value(raw, &line));
    }
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let mut output = |name: &str| {
        let bytes = streams.remove(name).unwrap_or_default().bytes;
        Value::Bytes(Arc::new(bytes))
    };
    value::map([
        ("exists", Value::Bool(exists)),
        ("size", int(size)),
        ("stdout", output("stdout")),
        ("stderr", output("stderr")),
        ("lines", Value::from(lines)),
        ("unfinished", text(bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default())),
        ("backwards", Value::from(backwards)),
    ])
}

fn as_value(raw: &[u8], line: &Line) -> Value {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    value::map([
        ("raw", text(raw)),
        ("well_formed", Value::Bool(line.well_formed)),
        ("time", Value::from(line.time.as_str())),
        ("stream", Value::from(line.stream.as_str())),
        ("tags", Value::from(line.tags.clone())),
        ("content", text(&line.content)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> serde_json::Value {
        value::to_json(&tell(true, 0, text.as_bytes()))
    }

    #[test]
    fn pieces_are_put_together_by_stream() {
        let told = told(
            "2026-01-02T03:04:05.1Z stdout P one \n\
             2026-01-02T03:04:05.2Z stderr F other\n\
             2026-01-02T03:04:05.3Z stdout F line\n\
             2026-01-02T03:04:05.4Z stdout F \n\
             2026-01-02T03:04:05.5Z stdout P tail\n\
             2026-01-02T03:04:05.6Z std",
        );
        assert_eq!(told["stdout"], "one line\n\ntail");
        assert_eq!(told["stderr"], "other\n");
        assert_eq!(told["lines"].as_array().unwrap().len(), 5);
        assert_eq!(told["unfinished"], "2026-01-02T03:04:05.6Z std");
        assert_eq!(told["backwards"], serde_json::json!([]));
    }

    #[test]
    fn time_goes_backwards_within_one_stream_only() {
        let told = told(
            "2026-01-02T03:04:05.3Z stdout F a\n\
             2026-01-02T03:04:05.1Z stderr F b\n\
             2026-01-02T03:04:05.2Z stderr F c\n\
             2026-01-02T03:04:05.2Z stdout F d\n",
        );
        let wanted = "stdout: 2026-01-02T03:04:05.3Z, then 2026-01-02T03:04:05.2Z";
        assert_eq!(told["backwards"], serde_json::json!([wanted]));
    }

    #[test]
    fn nothing_and_nonsense_have_a_value_too() {
        for text in ["", "\n", "\n\n", "x", " \n  \n   \n", "\0\0 \n"] {
            assert_eq!(told(text)["stdout"], "", "{text:?}");
        }
    }

    #[test]
    fn a_long_log_is_told_up_to_a_bound() {
        let told = told(&"\n".repeat(2 * MOST_LINES));
        assert_eq!(told["lines"].as_array().unwrap().len(), MOST_LINES);
    }
}
