//! `log.ruler`: whether the long line of `/guest ruler` arrived in a log as it was written.

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

/// Compares the long line in a log.
pub const RULER: Verb = Verb {
    signature: Signature {
        name: "log.ruler",
        title: "the line of `/guest ruler` in a log: its pieces, and where it first differs",
        params: &[
            Param { name: "path", required: true, title: "the absolute path of the log" },
            Param { name: "stream", required: true, title: "stdout or stderr" },
            Param { name: "bytes", required: true, title: "how long the line was" },
        ],
        reply: || {
            Type::members([
                ("tags", Type::List(Box::new(Type::Text))),
                ("bytes", Type::Int),
                ("differs_at", Type::Int),
            ])
        },
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { read(&params) }) },
};

fn read(params: &Params) -> Result<Value, Halt> {
    let (path, stream) = (params.text("path")?, params.text("stream")?);
    let wanted = usize::try_from(params.number("bytes")?)
        .map_err(|_| Halt::Error("`bytes` is a length".to_owned()))?;
    let log = beginning(path)?.map_or_else(Vec::new, |(_, bytes)| bytes);
    Ok(compare(&log, stream, wanted))
}

/// `differs_at` is the place of the first byte that is wrong, missing or too much; -1 if there is none.
fn compare(log: &[u8], stream: &str, wanted: usize) -> Value {
    let mut tags: Vec<String> = Vec::new();
    let mut seen: Vec<u8> = Vec::new();
    for line in whole(log).map(Line::parse).filter(|line| line.stream == stream) {
        tags.push(line.tags.first().cloned().unwrap_or_default());
        seen.extend_from_slice(&line.content);
    }
    let ruler = (0..).step_by(8).flat_map(|at| format!("{at:07} ").into_bytes()).take(wanted);
    let alike = seen.iter().zip(ruler).take_while(|(seen, right)| **seen == *right).count();
    let right = alike == wanted && seen.len() == wanted;
    value::map([
        ("tags", Value::from(tags)),
        ("bytes", int(seen.len())),
        ("differs_at", if right { Value::Int(-1) } else { int(alike) }),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(log: &str, wanted: usize) -> serde_json::Value {
        value::to_json(&compare(log.as_bytes(), "stdout", wanted))
    }

    #[test]
    fn the_first_wrong_byte_is_told() {
        let log = |first: &str, last: &str| {
            format!("2026-01-02T03:04:05Z stdout P {first}\n2026-01-02T03:04:05Z stdout F {last}\n")
        };
        let right = told(&log("0000000 000", "0008 0000"), 20);
        assert_eq!(right, serde_json::json!({ "tags": ["P", "F"], "bytes": 20, "differs_at": -1 }));
        assert_eq!(told(&log("0000000 000", "0009 0000"), 20)["differs_at"], 14);
        assert_eq!(told(&log("0000000 000", "0008"), 20)["differs_at"], 15);
        assert_eq!(told(&log("0000000 000", "0008 0000x"), 20)["differs_at"], 20);
        assert_eq!(told("", 20)["differs_at"], 0);
    }
}
