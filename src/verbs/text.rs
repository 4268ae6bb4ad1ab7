//! `text.repeat`: long texts, which no suite file should have to hold.

use super::{Done, Params, Verb};
use crate::{
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// The longest text that is made: a gRPC message of more is refused by most.
const LONGEST: usize = 16 * 1024 * 1024;

/// A text many times in a row.
pub const REPEAT: Verb = Verb {
    signature: Signature {
        name: "text.repeat",
        title: "makes a long text",
        params: &[
            Param { name: "text", required: true, title: "what is repeated" },
            Param { name: "times", required: true, title: "how often; 16 MiB in all at most" },
            Param { name: "bytes", required: false, title: "cut to so many bytes" },
        ],
        reply: || Type::members([("text", Type::Text)]),
        looks: true,
    },
    run: |_, params| -> Done<'_> { Box::pin(async move { repeat(&params) }) },
};

fn repeat(params: &Params) -> Result<Value, Halt> {
    let text = params.text("text")?;
    let times = usize::try_from(params.number("times")?)
        .ok()
        .filter(|times| text.len().saturating_mul(*times) <= LONGEST)
        .ok_or_else(|| Halt::Error("`times` is negative or makes too long a text".to_owned()))?;
    let mut made = text.repeat(times);
    if params.get("bytes").is_some() {
        let most = usize::try_from(params.number("bytes")?)
            .map_err(|_| Halt::Error("`bytes` is negative".to_owned()))?;
        let whole = (0..=most.min(made.len())).rev().find(|at| made.is_char_boundary(*at));
        made.truncate(whole.unwrap_or_default());
    }
    Ok(value::map([("text", Value::from(made))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, times: i64) -> Result<Value, Halt> {
        let params = value::map([("text", Value::from(text)), ("times", Value::Int(times))]);
        repeat(&Params(params))
    }

    #[test]
    fn repeats_within_its_limit() {
        let made = with("ab", 3).unwrap();
        assert_eq!(value::as_text(value::member(&made, "text").unwrap()), "ababab");
        assert!(with("ab", -1).is_err());
        assert!(with("ab", i64::MAX).is_err());
    }
}
