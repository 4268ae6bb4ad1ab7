//! `plugin.list`: a whole list of plugins, as a runtime executes it.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, stage_of, told};
use crate::{
    drive::exec::{Output, Plugin},
    run::{
        exec::{self, Asked},
        halt::Halt,
        host::Host,
        lane::Lane,
    },
    stage::wire::Execution,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
        version::Version,
    },
    verdict::SkipKind,
};

/// Executes a list.
pub const LIST: Verb = Verb {
    signature: Signature {
        name: "plugin.list",
        title: "executes a list of plugins on the check's container: ADD forwards, CHECK with the final \
                result where the version has it, DEL backwards; skips the check where another plugin \
                of the list is missing or fails by itself",
        params: &[Param {
            name: "plugins",
            required: true,
            title: "their configurations without cniVersion and name; the plugin under test is \
                        the one of its own `type` and has its usual configuration beneath, and is \
                        put last if it is not there",
        }],
        reply: || {
            let list = || Type::List(Box::new(Type::Text));
            Type::members([("types", list()), ("refused", list()), ("result", Type::Dyn)])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { list(lane, &params).await }) },
};

/// What came of one execution.
struct Outcome {
    result: Option<Json>,
    /// A sentence, where it failed.
    failed: Option<String>,
}

async fn list(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (plugin, host) = stage_of(lane).await?;
    let given = params.get("plugins").map(value::to_json).unwrap_or_default();
    let mut configs: Vec<Json> = given.as_array().cloned().unwrap_or_default();
    let under_test = |config: &Json| config["type"] == plugin.name.as_str();
    if !configs.iter().any(under_test) {
        configs.push(json!({ "type": plugin.name }));
    }
    let mut members = Vec::new();
    for config in configs {
        let own = under_test(&config);
        members.push(Member::of(lane, &plugin, &host, config, own).await?);
    }
    let of_results = |oldest: &str| oldest.parse().is_ok_and(|oldest: Version| lane.api >= oldest);
    let (chains, checks) = (of_results("0.3.0"), of_results("0.4.0"));
    let (mut refused, mut previous) = (Vec::new(), None);
    for member in &members {
        let outcome = member.execute(lane, "ADD", previous.as_ref().filter(|_| chains)).await?;
        if let Some(why) = outcome.failed {
            refused.push(why);
            break;
        }
        previous = outcome.result;
    }
    let result = previous.as_ref().filter(|_| checks);
    if checks && refused.is_empty() {
        for member in &members {
            refused.extend(member.execute(lane, "CHECK", result).await?.failed);
        }
    }
    for member in members.iter().rev() {
        refused.extend(member.execute(lane, "DEL", result).await?.failed);
    }
    let types: Vec<&Json> = members.iter().map(|member| &member.config["type"]).collect();
    told(&json!({ "types": types, "refused": refused, "result": previous }))
}

/// A plugin of the list.
struct Member {
    config: Json,
    /// None for the plugin under test, whose executions count.
    other: Option<PathBuf>,
    env: BTreeMap<String, String>,
}

impl Member {
    async fn of(
        lane: &Lane,
        plugin: &Plugin,
        host: &Host,
        config: Json,
        own: bool,
    ) -> Result<Member, Halt> {
        // The same of every command, but for CNI_COMMAND itself.
        let env = exec::base_env(plugin, host, "ADD");
        if own {
            let layers = [config];
            let mut config = exec::configuration(lane, plugin, host, "ADD", &env, &layers, &[]);
            if let Some(members) = config.as_object_mut() {
                members.remove("prevResult");
            }
            return Ok(Member { config, other: None, env });
        }
        let mut whole = config;
        whole["cniVersion"] = json!(lane.api.to_string());
        whole["name"] = json!(exec::NETWORK);
        let name = whole["type"].as_str().unwrap_or_default().to_owned();
        let path = plugin.path.parent().unwrap_or(&plugin.path).join(&name);
        match host.stage.stat(&path).await.map_err(Halt::Error)? {
            Some(_) => Ok(Member { config: whole, other: Some(path), env }),
            None => {
                let why = format!("{} is not there, which the list needs", path.display());
                Err(Halt::Skip(SkipKind::NotChecked, why))
            }
        }
    }

    async fn execute(
        &self,
        lane: &mut Lane,
        command: &str,
        previous: Option<&Json>,
    ) -> Result<Outcome, Halt> {
        let mut env = self.env.clone();
        env.insert("CNI_COMMAND".to_owned(), command.to_owned());
        let mut config = self.config.clone();
        if let Some(previous) = previous {
            config["prevResult"] = previous.clone();
        }
        let asked = Asked::with_config(command, env, config);
        let Some(path) = &self.other else {
            let done = exec::execute(lane, vec![asked], None).await?;
            let done = done.into_iter().next();
            let done = done.ok_or_else(|| Halt::Error(format!("{command} was not executed")))?;
            let ending = exec::ending(&done.executed);
            let failed = (!done.went_well()).then(|| format!("{command}: {ending}{}", done.said()));
            return Ok(Outcome { result: done.output.first, failed });
        };
        let (_, host) = stage_of(lane).await?;
        let execution = Execution {
            program: path.clone(),
            env: asked.env.into_iter().collect(),
            stdin: asked.stdin.as_slice().into(),
            ..Execution::default()
        };
        let _pending = lane.run.clock.start();
        let executed = host.stage.exec(execution).await.map_err(Halt::Error)?;
        let output = Output::read(&executed.stdout.0);
        if executed.exit != Some(0) {
            // What the others do wrong is no finding about this one.
            let name = self.config["type"].as_str().unwrap_or_default();
            let msg = output.error().and_then(|error| error["msg"].as_str()).unwrap_or_default();
            let ending = exec::ending(&executed);
            let why = format!("{command} of {name}, another plugin of the list: {ending}: {msg}");
            return Err(Halt::Skip(SkipKind::NotChecked, why));
        }
        Ok(Outcome { result: output.first, failed: None })
    }
}
