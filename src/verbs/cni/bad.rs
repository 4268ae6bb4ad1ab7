//! `plugin.bad`: the configurations that the plugin's profile calls bad.

use serde_json::Value as Json;

use super::{Done, Params, Verb, container, optional, stage_of};
use crate::{
    run::{
        exec::{self, Asked},
        halt::Halt,
        lane::Lane,
    },
    suite::{
        expr::{Value, types::Type, value},
        names,
        signature::{Param, Signature},
    },
};

/// Tries them.
pub const BAD: Verb = Verb {
    signature: Signature {
        name: "plugin.bad",
        title: "executes ADD with each configuration that the plugin's profile says must be refused; \
                one that is accepted all the same is deleted again",
        params: &[
            Param {
                name: "fresh",
                required: false,
                title: "true: in a new container each; in the check's own otherwise",
            },
            Param {
                name: "then",
                required: false,
                title: "a command that follows each with the same configuration: DEL",
            },
        ],
        reply: || {
            Type::members([(
                "tried",
                Type::List(Box::new(Type::members([
                    ("name", Type::Text),
                    ("execution", Type::Struct(names::of_execution())),
                    ("after", Type::Struct(names::of_execution())),
                ]))),
            )])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { bad(lane, &params).await }) },
};

async fn bad(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (plugin, host) = stage_of(lane).await?;
    let fresh = params.flag("fresh")?;
    let then = optional(params, "then")?;
    let mut tried = Vec::new();
    for variation in &plugin.profile.bad {
        let layers = [Json::Object(variation.with.clone())];
        // What runtimeConfig asks for comes first with many plugins, and would hide what is bad below.
        let mut omitted = variation.omit.clone();
        if !variation.with.contains_key("runtimeConfig") {
            omitted.push("runtimeConfig".to_owned());
        }
        let mut own = exec::base_env(&plugin, &host, "ADD");
        if fresh {
            let none = Params(value::map(std::iter::empty::<(&str, Value)>()));
            let made = container::make(lane, &none).await?;
            let env = value::member(&made, "env").map(value::to_json).unwrap_or_default();
            for (name, given) in env.as_object().into_iter().flatten() {
                own.insert(name.clone(), given.as_str().unwrap_or_default().to_owned());
            }
        }
        let asked = |lane: &Lane, command: &str| {
            let mut env = own.clone();
            env.insert("CNI_COMMAND".to_owned(), command.to_owned());
            let config =
                exec::configuration(lane, &plugin, &host, command, &env, &layers, &omitted);
            Asked::with_config(command, env, config)
        };
        let added = once(lane, asked(lane, "ADD")).await?;
        let mut entry =
            vec![("name", Value::from(variation.name.as_str())), ("execution", as_value(&added))];
        let next = then.as_deref().or(added.went_well().then_some("DEL"));
        if let Some(command) = next {
            let after = once(lane, asked(lane, command)).await?;
            entry.push(("after", as_value(&after)));
        }
        tried.push(value::map(entry));
    }
    Ok(value::map([("tried", Value::from(tried))]))
}

async fn once(lane: &mut Lane, asked: Asked) -> Result<exec::Done, Halt> {
    let command = asked.command.clone();
    let done = exec::execute(lane, vec![asked], None).await?;
    done.into_iter().next().ok_or_else(|| Halt::Error(format!("{command} was not executed")))
}

fn as_value(done: &exec::Done) -> Value {
    let names = exec::names_of(done);
    value::map(names.iter().map(|(name, value)| (name.as_str(), value.clone())))
}
