//! Executes a plugin as a runtime would: environment, configuration, and what comes back.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use serde_json::{Map, Value as Json, json};
use toml::Spanned;

use super::{
    halt::Halt,
    host::{Attachment, Host},
    lane::{Lane, nanos},
    seen::Evidence,
};
use crate::{
    drive::exec::{Output, Plugin},
    events::Exchange,
    stage::wire::{Bytes, Executed, Execution},
    suite::{
        expr::{Scope, Value, value},
        format::{Span, StepDef},
        request,
        tree::Tree,
        version::Version,
    },
};

/// The most that is kept of what a plugin prints.
const OUTPUT_CAP: usize = 1024 * 1024;
/// The name of the network where a step gives no other.
pub const NETWORK: &str = "stdcheck";
/// The first version whose runtimes send `runtimeConfig`.
const CAPABILITIES_SINCE: &str = "0.3.0";
/// Operations on one attachment: they have its environment.
const OF_ATTACHMENT: [&str; 3] = ["ADD", "DEL", "CHECK"];

/// One execution to come, as a step or a verb asks for it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The operation; the default of `CNI_COMMAND`.
    pub command: String,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The configuration; none where standard input is something else.
    pub config: Option<Json>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Given byte by byte.
    pub dribble: bool,
}

/// An execution that was done.
pub struct Done {
    /// What was asked.
    pub asked: Asked,
    /// What the stage saw.
    pub executed: Executed,
    /// Standard output as JSON.
    pub output: Output,
}

impl Asked {
    /// What a step means by `exec`: the base of the command, then what the step changes.
    ///
    /// # Errors
    /// What cannot be evaluated.
    pub fn of_step(
        lane: &Lane,
        plugin: &Plugin,
        host: &Host,
        command: &str,
        step: &StepDef,
        over: Option<&Tree>,
    ) -> Result<Asked, Halt> {
        let mut env = base_env(plugin, host, command);
        if let Some(changes) = &step.env {
            for (name, given) in texts(lane, changes)? {
                env.insert(name, given);
            }
        }
        for word in step.unset.iter().flat_map(|words| &words.0) {
            for name in lane.words(word.as_ref())? {
                env.remove(&name);
            }
        }
        let mut omitted = Vec::new();
        for word in step.omit.iter().flat_map(|words| &words.0) {
            omitted.extend(lane.words(word.as_ref())?);
        }
        let mut layers = Vec::new();
        for layer in [step.with.as_ref().map(Spanned::as_ref), over].into_iter().flatten() {
            layers.push(evaluated(lane, layer)?);
        }
        if let Some(stdin) = &step.stdin {
            let stdin = match request::evaluate(stdin.as_ref(), &lane.scope).map_err(Halt::Error)? {
                Value::Bytes(bytes) => bytes.to_vec(),
                text => value::as_text(&text).into_bytes(),
            };
            let (command, config) = (command.to_owned(), None);
            return Ok(Asked { command, env, config, stdin, dribble: false });
        }
        let config = configuration(lane, plugin, host, command, &env, &layers, &omitted);
        Ok(Asked::with_config(command, env, config))
    }

    /// With a configuration as it is.
    pub fn with_config(command: &str, env: BTreeMap<String, String>, config: Json) -> Asked {
        let stdin = config.to_string().into_bytes();
        Asked { command: command.to_owned(), env, config: Some(config), stdin, dribble: false }
    }

    /// What the plugin is asked for, whatever the step calls it.
    fn operation(&self) -> &str {
        self.env.get("CNI_COMMAND").map_or("no command", String::as_str)
    }

    fn attachment(&self) -> Attachment {
        attachment(&self.env, self.config.as_ref())
    }

    /// A line for a shell that does the same, and needs only namespaces like those of the check.
    fn line(&self, plugin: &Plugin) -> String {
        let own = self.env.iter().filter(|(name, _)| *name != "PATH");
        let words = own.map(|(name, given)| format!("{name}={given}"));
        let mut words: Vec<String> = words.collect();
        words.push(plugin.path.display().to_string());
        let stdin = String::from_utf8_lossy(&self.stdin).into_owned();
        let quoted = |words: &[String]| {
            let joined = shlex::try_join(words.iter().map(String::as_str));
            joined.unwrap_or_else(|_| words.join(" "))
        };
        format!("printf %s {} | env -i PATH=\"$PATH\" {}", quoted(&[stdin]), quoted(&words))
    }
}

/// The environment of a command: what the specification names in section 2 and programs need.
pub fn base_env(plugin: &Plugin, host: &Host, command: &str) -> BTreeMap<String, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), path),
        ("CNI_COMMAND".to_owned(), command.to_owned()),
        ("CNI_PATH".to_owned(), plugin.search_path()),
    ]);
    if OF_ATTACHMENT.contains(&command)
        && let Some(container) = host.own()
    {
        env.insert("CNI_CONTAINERID".to_owned(), container.id.clone());
        env.insert("CNI_NETNS".to_owned(), container.netns());
        env.insert("CNI_IFNAME".to_owned(), container.ifname);
    }
    env
}

/// The configuration of a command: the profile's, what the runtime adds, the layers in turn, and
/// without what is omitted.
pub fn configuration(
    lane: &Lane,
    plugin: &Plugin,
    host: &Host,
    command: &str,
    env: &BTreeMap<String, String>,
    layers: &[Json],
    omitted: &[String],
) -> Json {
    let mut config = base_config(lane, plugin);
    let network = layers.iter().rev().find_map(|layer| layer.get("name")).cloned();
    if let Some(network) = network {
        config["name"] = network;
    }
    let attachment = attachment(env, Some(&config));
    if let Some(previous) = host.previous(command, &lane.api, &attachment) {
        config["prevResult"] = previous;
    }
    let declared = &plugin.profile.capabilities;
    let knows = CAPABILITIES_SINCE.parse().is_ok_and(|since: Version| lane.api >= since);
    if OF_ATTACHMENT.contains(&command) && !declared.is_empty() && knows {
        config["runtimeConfig"] = json!(declared);
    }
    for layer in layers {
        merge(&mut config, layer);
    }
    for path in omitted {
        remove(&mut config, path);
    }
    config
}

/// The plugin's configuration at the lane's version, without what a runtime adds.
pub fn base_config(lane: &Lane, plugin: &Plugin) -> Json {
    let mut config = Map::new();
    config.insert("cniVersion".to_owned(), json!(lane.api.to_string()));
    config.insert("name".to_owned(), json!(NETWORK));
    config.insert("type".to_owned(), json!(plugin.name));
    config.extend(plugin.config());
    Json::Object(config)
}

fn attachment(env: &BTreeMap<String, String>, config: Option<&Json>) -> Attachment {
    let of = |name: &str| env.get(name).cloned().unwrap_or_default();
    let network = config.and_then(|config| config.get("name")).and_then(Json::as_str);
    Attachment {
        network: network.unwrap_or_default().to_owned(),
        id: of("CNI_CONTAINERID"),
        ifname: of("CNI_IFNAME"),
    }
}

/// Objects merge deeply, everything else replaces what was there.
fn merge(base: &mut Json, over: &Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Takes a key out: `a.b`.
fn remove(config: &mut Json, path: &str) {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (config.pointer_mut(&format!("/{}", parent.replace('.', "/"))), key),
        None => (Some(config), path),
    };
    if let Some(members) = parent.and_then(Json::as_object_mut) {
        members.remove(key);
    }
}

fn evaluated(lane: &Lane, tree: &Tree) -> Result<Json, Halt> {
    let value = request::evaluate(tree, &lane.scope).map_err(Halt::Error)?;
    Ok(value::to_json(&value))
}

fn texts(lane: &Lane, tree: &Spanned<Tree>) -> Result<Vec<(String, String)>, Halt> {
    let value = request::evaluate(tree.as_ref(), &lane.scope).map_err(Halt::Error)?;
    let Value::Map(members) = value else {
        return Err(Halt::Error("`env` is a table of names and values".to_owned()));
    };
    Ok(members.map.iter().map(|(name, given)| (name.to_string(), value::as_text(given))).collect())
}

/// Executes all of them, side by side where there are several: records each, shows it to the
/// invariants, and remembers results.
///
/// # Errors
/// If the stage does not do it.
pub async fn execute(
    lane: &mut Lane,
    asked: Vec<Asked>,
    deadline: Option<Span>,
) -> Result<Vec<Done>, Halt> {
    let (plugin, host) = lane.on_stage().await?;
    let deadline = deadline.map_or(lane.run.options.step_timeout, |Span(deadline)| deadline);
    let executions = asked
        .iter()
        .map(|asked| Execution {
            program: plugin.path.clone(),
            env: asked.env.clone().into_iter().collect(),
            stdin: asked.stdin.as_slice().into(),
            dribble: asked.dribble,
            timeout_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            cap: OUTPUT_CAP,
            ..Execution::default()
        })
        .collect();
    let sent_at = SystemTime::now();
    let executed = {
        let _pending = lane.run.clock.start();
        host.stage.exec_all(executions).await.map_err(Halt::Error)?
    };
    let mut done = Vec::new();
    for (asked, executed) in asked.into_iter().zip(executed) {
        let output = Output::read(&executed.stdout.0);
        let one = Done { asked, executed, output };
        if let (true, "ADD", Some(result)) =
            (one.went_well(), one.asked.operation(), &one.output.first)
        {
            host.remember(one.asked.attachment(), result);
            if plugin.profile.outside {
                delete_at_end(lane, &plugin, &host, &one.asked, result);
            }
        }
        let exchange = Arc::new(record(lane, &plugin, &one, sent_at));
        let names = names_of(&one);
        let run = lane.run.clone();
        let operation = one.asked.operation();
        run.invariants.observe_execution(operation, &lane.api, &names, &exchange, &lane.owner);
        lane.exchanges.push(Evidence::Told(exchange));
        done.push(one);
    }
    Ok(done)
}

impl Done {
    /// Whether it ended by itself with 0.
    pub fn went_well(&self) -> bool {
        self.executed.exit == Some(0) && !self.executed.timed_out
    }

    /// What it said about its end, to go behind [`ending`]; empty where it said nothing.
    pub fn said(&self) -> String {
        let error = self.output.error();
        let code = error.and_then(|error| error.get("code")).map(|code| format!(", code {code}"));
        let msg = error.and_then(|error| error.get("msg")).and_then(Json::as_str);
        let stderr = self.executed.stderr.text();
        let words = msg.or_else(|| stderr.lines().next().filter(|_| !self.went_well()));
        let words = words.map(|words| format!(": {words}"));
        format!("{}{}", code.unwrap_or_default(), words.unwrap_or_default())
    }
}

/// What the expectations of an `exec` step see, and what `as` binds.
pub fn names_of(done: &Done) -> Scope {
    let Done { asked, executed, output } = done;
    let json = |json: Option<&Json>| json.map_or(Value::Null, value::from_json);
    let error = output.error().filter(|_| executed.exit != Some(0));
    let text = |bytes: &Bytes| Value::from(bytes.text());
    let of_error = |key: &str| error.and_then(|error| error.get(key));
    let whole = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let env = asked.env.iter().map(|(name, given)| (name.as_str(), Value::from(given.as_str())));
    Scope::from(
        [
            ("request", json(asked.config.as_ref())),
            ("reply", json(output.first.as_ref())),
            ("error", json(error)),
            ("code", Value::Int(of_error("code").and_then(Json::as_i64).unwrap_or(0))),
            ("message", Value::from(of_error("msg").and_then(Json::as_str).unwrap_or_default())),
            ("exit", Value::Int(executed.exit.map_or(-1, i64::from))),
            ("signal", Value::Int(executed.signal.map_or(0, i64::from))),
            ("timed_out", Value::Bool(executed.timed_out)),
            ("held_open", Value::Bool(executed.held_open)),
            ("stdout", text(&executed.stdout)),
            ("stderr", text(&executed.stderr)),
            ("documents", Value::Int(output.documents)),
            ("env", value::map(env)),
            ("elapsed_ms", whole(executed.elapsed_us / 1000)),
            ("sent_at", whole(executed.started)),
            ("done_at", whole(executed.started.saturating_add(executed.elapsed_us * 1000))),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn record(lane: &Lane, plugin: &Plugin, done: &Done, sent_at: SystemTime) -> Exchange {
    let redactor = &lane.run.redactor;
    let Done { asked, executed, output } = done;
    let text = |bytes: &Bytes| redactor.text(&bytes.text());
    let stdout = match (&output.first, output.documents) {
        (Some(document), 1) => redactor.json(document.clone()),
        _ => Json::from(text(&executed.stdout)),
    };
    let mut reply = json!({ "stdout": stdout });
    if !executed.stderr.0.is_empty() {
        reply["stderr"] = text(&executed.stderr).into();
    }
    let said = output.error().and_then(|error| error.get("msg")).and_then(Json::as_str);
    let since = nanos(sent_at).saturating_sub(nanos(lane.run.begun_at));
    Exchange {
        what: asked.operation().to_owned(),
        request: Json::Null,
        command: Some(redactor.command(&asked.line(plugin))),
        reply: Some(reply),
        code: ending(executed),
        message: redactor.text(said.unwrap_or_default()),
        at_ms: u64::try_from(since / 1_000_000).unwrap_or(0),
        took_ms: executed.elapsed_us as f64 / 1e3,
    }
}

/// Has an attachment deleted when the lane ends: the plugin keeps state where no stage ends it.
fn delete_at_end(lane: &mut Lane, plugin: &Plugin, host: &Arc<Host>, added: &Asked, result: &Json) {
    let mut env = added.env.clone();
    env.insert("CNI_COMMAND".to_owned(), "DEL".to_owned());
    let mut config = added.config.clone().unwrap_or_default();
    if let Some(config) = config.as_object_mut() {
        config.insert("prevResult".to_owned(), result.clone());
    }
    let execution = Execution {
        program: plugin.path.clone(),
        env: env.into_iter().collect(),
        stdin: config.to_string().into(),
        ..Execution::default()
    };
    let host = host.clone();
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            let executed = host.stage.exec(execution).await?;
            match executed.exit {
                Some(0) => Ok(()),
                _ => Err(format!("DEL of an attachment that was added: {}", ending(&executed))),
            }
        })
    }));
}

/// How an execution ended, in words.
pub fn ending(executed: &Executed) -> String {
    if let Some(why) = &executed.refused {
        return format!("not executed: {why}");
    }
    match (executed.timed_out, executed.exit, executed.signal) {
        (true, _, _) => "killed, since it did not end".to_owned(),
        (_, Some(code), _) => format!("exit {code}"),
        (_, None, Some(signal)) => {
            let name = nix::sys::signal::Signal::try_from(signal).map(|signal| signal.as_str());
            format!("ended by {}", name.unwrap_or("a signal"))
        }
        (_, None, None) => "no exit code".to_owned(),
    }
}
