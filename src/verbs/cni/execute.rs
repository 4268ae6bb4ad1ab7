//! `plugin.*`: executions that no single `exec` step does.

use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, container, number_or, stage_of};
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

/// What is known of one execution, as an `exec` step binds it.
fn execution() -> Type {
    Type::Struct(names::of_execution())
}

/// Executes with standard input of an unusual form.
pub const RAW: Verb = Verb {
    signature: Signature {
        name: "plugin.execute",
        title: "executes the plugin with a sound configuration that reaches it in an unusual way",
        params: &[
            Param { name: "command", required: true, title: "CNI_COMMAND" },
            Param { name: "dribble", required: false, title: "true: byte by byte" },
            Param {
                name: "pad",
                required: false,
                title: "so many bytes of white space before the configuration's end",
            },
            Param { name: "config", required: false, title: "taken as it is; the usual otherwise" },
            Param { name: "env", required: false, title: "changes of the environment" },
        ],
        reply: execution,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { raw(lane, &params).await }) },
};

/// Executes several at once.
pub const TOGETHER: Verb = Verb {
    signature: Signature {
        name: "plugin.together",
        title: "makes containers and executes the plugin for all of them at once; one that answers \
                with code 11 (try again later) is asked again, alone",
        params: &[
            Param { name: "command", required: true, title: "CNI_COMMAND" },
            Param { name: "containers", required: false, title: "how many are made; 8 otherwise" },
            Param {
                name: "of",
                required: false,
                title: "the answer of an earlier `plugin.together`: its containers are taken",
            },
            Param { name: "with", required: false, title: "merged into the configuration" },
            Param {
                name: "omit",
                required: false,
                title: "keys that the configuration goes without",
            },
        ],
        reply: || {
            Type::members([
                ("executions", Type::List(Box::new(execution()))),
                ("containers", Type::List(Box::new(Type::Dyn))),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { together(lane, &params).await }) },
};

async fn raw(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let command = params.text("command")?.to_owned();
    let (plugin, host) = stage_of(lane).await?;
    let mut env = exec::base_env(&plugin, &host, &command);
    if let Some(Value::Map(changes)) = params.get("env") {
        let changes = changes.map.iter();
        env.extend(changes.map(|(name, given)| (name.to_string(), value::as_text(given))));
    }
    let config = match params.get("config") {
        Some(config) => value::to_json(config),
        None => exec::configuration(lane, &plugin, &host, &command, &env, &[], &[]),
    };
    let mut asked = Asked::with_config(&command, env, config);
    asked.dribble = params.flag("dribble")?;
    let pad = usize::try_from(number_or(params, "pad", 0)?).unwrap_or(0);
    if asked.stdin.pop().is_some() {
        asked.stdin.extend(std::iter::repeat_n(b' ', pad));
        asked.stdin.push(b'}');
    }
    let done = exec::execute(lane, vec![asked], None).await?;
    done.first().map(as_value).ok_or_else(|| Halt::Error(format!("{command} was not executed")))
}

async fn together(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    /// `CNI_COMMAND` may come again with this code; section 5 of the specification.
    const TRY_AGAIN_LATER: i64 = 11;
    let command = params.text("command")?.to_owned();
    let (plugin, host) = stage_of(lane).await?;
    let containers = match params.get("of").and_then(|of| value::member(of, "containers")) {
        Some(Value::List(containers)) => containers.to_vec(),
        _ => {
            let mut made = Vec::new();
            for _ in 0..number_or(params, "containers", 8)? {
                let none = Params(value::map(std::iter::empty::<(&str, Value)>()));
                made.push(container::make(lane, &none).await?);
            }
            made
        }
    };
    let layer = params.get("with").map_or_else(|| json!({}), value::to_json);
    let omitted = params.texts("omit")?;
    let mut asked = Vec::new();
    for container in &containers {
        let mut env = exec::base_env(&plugin, &host, &command);
        let of_container = value::member(container, "env").map(value::to_json).unwrap_or_default();
        for (name, given) in of_container.as_object().into_iter().flatten() {
            env.insert(name.clone(), given.as_str().unwrap_or_default().to_owned());
        }
        let layers = [layer.clone()];
        let config = exec::configuration(lane, &plugin, &host, &command, &env, &layers, &omitted);
        asked.push(Asked::with_config(&command, env, config));
    }
    let mut done = exec::execute(lane, asked, None).await?;
    for one in &mut done {
        let code = one.output.error().and_then(|error| error.get("code")).and_then(Json::as_i64);
        if code == Some(TRY_AGAIN_LATER) {
            let again = exec::execute(lane, vec![one.asked.clone()], None).await?;
            if let Some(again) = again.into_iter().next() {
                *one = again;
            }
        }
    }
    let executions: Vec<Value> = done.iter().map(as_value).collect();
    Ok(value::map([
        ("executions", Value::from(executions)),
        ("containers", Value::from(containers)),
    ]))
}

fn as_value(done: &exec::Done) -> Value {
    let names = exec::names_of(done);
    value::map(names.iter().map(|(name, value)| (name.as_str(), value.clone())))
}
