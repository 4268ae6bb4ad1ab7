//! `delegate.*`: the recording delegate, which stands in for an IPAM plugin or for the plugin that a
//! meta plugin runs.

use std::{collections::BTreeMap, path::Path};

use super::{Done, Params, Verb, optional, stage_of, told};
use crate::{
    delegate::{Behaviour, FOLDER, LOG_FILE, NAME, PLAN_FILE, Plan, read_log},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

const fn command(name: &'static str) -> Param {
    Param {
        name,
        required: false,
        title: "{ mode = ok | error | garbage | empty | bare-exit | hang | crash | flood, code, msg, \
                details, exit, result, stderr, delay_ms, only_at }",
    }
}

/// Says how it behaves.
pub const BEHAVE: Verb = Verb {
    signature: Signature {
        name: "delegate.behave",
        title: "says how the recording delegate answers from now on; its name goes into the \
                configuration as ipam.type",
        params: &[
            command("ADD"),
            command("DEL"),
            command("CHECK"),
            command("STATUS"),
            command("GC"),
            command("VERSION"),
        ],
        reply: || Type::members([("name", Type::Text)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { behave(lane, &params).await }) },
};

/// What it was called with.
pub const CALLS: Verb = Verb {
    signature: Signature {
        name: "delegate.calls",
        title: "what the recording delegate was called with, in order",
        params: &[Param { name: "command", required: false, title: "only calls of this command" }],
        reply: || {
            Type::members([
                ("commands", Type::List(Box::new(Type::Text))),
                ("calls", Type::List(Box::new(Type::Dyn))),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { calls(lane, &params).await }) },
};

async fn behave(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let plan: BTreeMap<String, Behaviour> = serde_json::from_value(value::to_json(&params.0))
        .map_err(|error| Halt::Error(format!("delegate.behave: {error}")))?;
    let text = serde_json::to_string(&Plan(plan))
        .map_err(|error| Halt::Error(format!("delegate.behave: {error}")))?;
    let path = Path::new(FOLDER).join(PLAN_FILE);
    host.stage.write(&path, text.as_bytes(), 0o644).await.map_err(Halt::Error)?;
    Ok(value::map([("name", Value::from(NAME))]))
}

async fn calls(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let wanted = optional(params, "command")?;
    let path = Path::new(FOLDER).join(LOG_FILE);
    let bytes = match host.stage.stat(&path).await.map_err(Halt::Error)? {
        Some(_) => host.stage.read(&path).await.map_err(Halt::Error)?,
        None => Vec::new(),
    };
    let mut calls = read_log(&bytes);
    calls.retain(|call| wanted.as_ref().is_none_or(|wanted| *wanted == call.command));
    let commands: Vec<&str> = calls.iter().map(|call| call.command.as_str()).collect();
    told(&serde_json::json!({ "commands": commands, "calls": calls }))
}
