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
                of the list is missing, or where its ADD or DEL fails",
        params: &[Param {
            name: "plugins",
            required: true,
            title: "their configurations without cniVersion and name; the plugin under test is \
                        the one of its own `type` and has its usual configuration beneath, and is \
                        put last if it is not there",
        }],
        reply: || {
            let list = || Type::List(Box::new(Type::Text));
            Type::members([
                ("types", list()),
                ("refused", list()),
                ("refused_by_others", list()),
                ("result", Type::Dyn),
            ])
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

/// Sentences about executions that failed.
#[derive(Default)]
struct Refused {
    under_test: Vec<String>,
    others: Vec<String>,
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
    let (mut refused, mut previous) = (Refused::default(), None);
    for member in &members {
        let outcome = member.execute(lane, "ADD", previous.as_ref().filter(|_| chains)).await?;
        if member.notes(outcome.failed, "ADD", &mut refused)? {
            break;
        }
        previous = outcome.result;
    }
    let result = previous.as_ref().filter(|_| checks);
    if checks && refused.under_test.is_empty() {
        for member in &members {
            let outcome = member.execute(lane, "CHECK", result).await?;
            member.notes(outcome.failed, "CHECK", &mut refused)?;
        }
    }
    for member in members.iter().rev() {
        let outcome = member.execute(lane, "DEL", result).await?;
        member.notes(outcome.failed, "DEL", &mut refused)?;
    }
    let types: Vec<&Json> = members.iter().map(|member| &member.config["type"]).collect();
    let Refused { under_test, others } = refused;
    told(&json!({
        "types": types,
        "refused": under_test,
        "refused_by_others": others,
        "result": previous,
    }))
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
            let failed = (!done.went_well()).then(|| format!("{ending}{}", done.said()));
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
        let failed = (executed.exit != Some(0)).then(|| {
            let msg = output.error().and_then(|error| error["msg"].as_str()).unwrap_or_default();
            format!("{}: {msg}", exec::ending(&executed))
        });
        Ok(Outcome { result: output.first, failed })
    }

    /// Takes note of a failure; whether there was one. What the others do wrong is no finding about this
    /// plugin: without their links there is nothing to judge, and what they leave would seem to be ours.
    fn notes(
        &self,
        failed: Option<String>,
        command: &str,
        refused: &mut Refused,
    ) -> Result<bool, Halt> {
        let Some(why) = failed else { return Ok(false) };
        if self.other.is_none() {
            refused.under_test.push(format!("{command}: {why}"));
            return Ok(true);
        }
        let name = self.config["type"].as_str().unwrap_or_default();
        let sentence = format!("{command} of {name}, another plugin of the list: {why}");
        if command != "CHECK" {
            return Err(Halt::Skip(SkipKind::NotChecked, sentence));
        }
        refused.others.push(sentence);
        Ok(true)
    }
}
