//! `skip.unless`: ends a check without a verdict where the host or an optional part of an answer
//! does not let it judge.

use super::{Done, Params, Verb};
use crate::{
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verdict::SkipKind,
};

/// Skips the check, unless something holds.
pub const UNLESS: Verb = Verb {
    signature: Signature {
        name: "skip.unless",
        title: "skips the check, with the reason, unless something holds",
        params: &[
            Param { name: "holds", required: true, title: "`${an expression}`, a yes or no" },
            Param { name: "because", required: true, title: "what a reader is told of the skip" },
            Param {
                name: "kind",
                required: false,
                title: "not-checked (if left out), or not-applicable: the target need not have it",
            },
        ],
        reply: || Type::members([]),
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { unless(&params) }) },
};

fn unless(params: &Params) -> Result<Value, Halt> {
    match params.get("holds") {
        Some(Value::Bool(true)) => {}
        Some(Value::String(text)) if text.as_str() == "true" => {}
        Some(Value::Bool(false)) => return Err(skip(params)?),
        Some(Value::String(text)) if text.as_str() == "false" => return Err(skip(params)?),
        _ => return Err(Halt::Error("`holds` is neither true nor false".to_owned())),
    }
    Ok(value::map(std::iter::empty::<(&str, Value)>()))
}

fn skip(params: &Params) -> Result<Halt, Halt> {
    let kind = match params.get("kind").map(value::as_text).as_deref() {
        None | Some("not-checked") => SkipKind::NotChecked,
        Some("not-applicable") => SkipKind::NotApplicable,
        Some(other) => return Err(Halt::Error(format!("`{other}` is no kind of skip"))),
    };
    Ok(Halt::Skip(kind, params.text("because")?.to_owned()))
}
