//! Finds out what the target and the host have, as far as the selected checks want to know.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use prost_reflect::DynamicMessage;

use super::{
    Restart, Run, check,
    lane::{Lane, NO_ENDPOINT},
};
use crate::{
    drive::grpc::{Answer, Outcome},
    events::{CapabilityFact, NOT_FOUND_OUT},
    plan::Plan,
    stage::wire::{LinkOp, NewLink},
    suite::{
        expr::{Expr, Judgement, Value},
        format::{CapabilityDef, FoundBy},
        request, rpc,
    },
};

/// The capabilities that the plan's checks and invariants ask about.
fn wanted(plan: &Plan) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for planned in plan.checks.iter().filter(|planned| planned.skip.is_none()) {
        wanted.extend(planned.check.needs.iter().cloned());
        wanted.extend(planned.check.forbids.iter().cloned());
    }
    for invariant in &plan.invariants {
        wanted.extend(invariant.source.def.needs.iter().map(|need| need.as_ref().clone()));
    }
    wanted
}

/// Finds each of them out, in the order of the suite. A run that is stopped meanwhile has no facts
/// about those that were not asked yet.
pub async fn capabilities(run: &Arc<Run>) -> BTreeMap<String, CapabilityFact> {
    let wanted = wanted(&run.plan);
    let mut lane = Lane::new(run, "discovery");
    let mut asked: Vec<((String, String), Arc<Answer>)> = Vec::new();
    let mut facts = BTreeMap::new();
    for capability in &run.plan.suite.capabilities {
        let def = &capability.def;
        let name = def.name.as_ref().clone();
        if !wanted.contains(&name) {
            continue;
        }
        if run.stop.is_cancelled() {
            break;
        }
        let found = tokio::select! {
            biased;
            () = check::stopped_and_waited(run) => None,
            found = find(run, &mut lane, def, &mut asked) => Some(found),
        };
        let Some((present, why)) = found else { break };
        facts.insert(name.clone(), CapabilityFact { name, present, why });
    }
    super::undo::all(&mut lane).await;
    facts
}

async fn find(
    run: &Arc<Run>,
    lane: &mut Lane,
    def: &CapabilityDef,
    asked: &mut Vec<((String, String), Arc<Answer>)>,
) -> (bool, String) {
    let found_by = def.found_by.as_ref();
    if let Some(flag) = &found_by.flag {
        let told = run.options.user.contains_key(flag.as_ref());
        let why = if told { "told by" } else { "not told by" };
        return (told, format!("{why} --{}", flag.as_ref()));
    }
    if let Some(host) = &found_by.host {
        return match host.as_ref().as_str() {
            "kernel" => kernel(lane).await,
            fact => host_fact(run, fact),
        };
    }
    if let Some(word) = &found_by.profile {
        return in_profile(run, word.as_ref());
    }
    match ask(run, lane, found_by, asked).await {
        Err(why) => (false, format!("{NOT_FOUND_OUT}: {why}")),
        Ok(answer) => told(found_by, &answer),
    }
}

/// What an answer says about a capability.
fn told(found_by: &FoundBy, answer: &Answer) -> (bool, String) {
    let call = found_by.call.as_ref().map(|call| call.as_ref().as_str()).unwrap_or_default();
    let code = rpc::code_name(answer.code);
    if answer.outcome != Outcome::Answered {
        // A service that the target has nowhere is no riddle.
        if matches!(&answer.outcome, Outcome::Unreachable(why) if why == NO_ENDPOINT) {
            return (false, format!("{call}: {NO_ENDPOINT}"));
        }
        return (false, format!("{NOT_FOUND_OUT}: {call}: {}", answer.message));
    }
    if let Some(no) = &found_by.no {
        let said_no = no.as_ref().iter().any(|word| word.as_ref() == code);
        return (!said_no, format!("{call} answers {code}"));
    }
    let (Some(when), Some(_)) = (&found_by.when, answer.reply()) else {
        let why = format!("{call} answers {code} {}", answer.message);
        let no = answer.code == tonic::Code::Unimplemented;
        return (false, if no { why } else { format!("{NOT_FOUND_OUT}: {why}") });
    };
    let scope = super::step::names_of(&Value::Null, answer);
    match Expr::compile(when.as_ref()).map(|expr| expr.judge(&scope)) {
        Ok(Judgement::Holds) => (true, format!("{call} says so")),
        Ok(Judgement::Mistake(error)) | Err(error) => (false, format!("{NOT_FOUND_OUT}: {error}")),
        Ok(_) => (false, format!("{call} does not say so")),
    }
}

/// Calls, unless the very same was asked before.
async fn ask(
    run: &Arc<Run>,
    lane: &mut Lane,
    found_by: &FoundBy,
    asked: &mut Vec<((String, String), Arc<Answer>)>,
) -> Result<Arc<Answer>, String> {
    let name = found_by.call.as_ref().map(|call| call.as_ref().clone()).unwrap_or_default();
    let key = (name.clone(), format!("{:?}", found_by.with.as_ref().map(toml::Spanned::as_ref)));
    if let Some((_, answer)) = asked.iter().find(|(known, _)| *known == key) {
        return Ok(answer.clone());
    }
    let method = rpc::find(&run.plan.suite.package, &name)?;
    let mut message = DynamicMessage::new(method.input());
    // Trials carry what they need themselves: a base request may name bindings of situations.
    if let Some(with) = &found_by.with {
        request::merge(&mut message, with.as_ref(), &lane.scope)?;
    }
    let answer = lane.call(&method, &message, run.options.step_timeout).await;
    asked.push((key, answer.clone()));
    Ok(answer)
}

/// Whether the plugin's profile has a word.
fn in_profile(run: &Run, word: &str) -> (bool, String) {
    let Some(plugin) = run.drive.plugin() else {
        return (false, "the target is no plugin".to_owned());
    };
    if plugin.profile.words().contains(word) {
        return (true, "its profile says so".to_owned());
    }
    let kind = plugin.profile.kind;
    (false, format!("{} is {kind} and has no `{word}`", plugin.name))
}

/// Whether the kernel has the kinds of links that the plugin's ADD needs: tried on a stage.
async fn kernel(lane: &mut Lane) -> (bool, String) {
    let (plugin, host) = match lane.on_stage().await {
        Ok(both) => both,
        Err(halt) => return (false, halt.line()),
    };
    let name = "stdcheck-trial".to_owned();
    for kind in &plugin.profile.kernel {
        let parent = plugin.profile.parent.first().map(|parent| parent.name.clone());
        // The number of a vlan, or a vrf's table; the others take none.
        let id = ["vlan", "vrf"].contains(&kind.as_str()).then_some(100);
        let link = NewLink { name: name.clone(), kind: kind.clone(), parent, id };
        if let Err(why) = host.stage.link(None, LinkOp::AddKind(link)).await {
            return (false, format!("the kernel has no links of the kind {kind} ({why})"));
        }
        if let Err(why) = host.stage.link(None, LinkOp::Delete { dev: name.clone() }).await {
            return (false, format!("{NOT_FOUND_OUT}: {why}"));
        }
    }
    if let Some(device) = plugin.profile.devices.iter().find(|device| !device.exists()) {
        return (false, format!("there is no {}", device.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in &plugin.profile.programs {
        if which::which_in(program, Some(&path), "/").is_err() {
            return (false, format!("{program}, which it executes, is not installed"));
        }
    }
    (true, "the kernel has the kinds of links that it needs".to_owned())
}

/// Facts about this host; see [`crate::suite::lint::HOST_FACTS`].
fn host_fact(run: &Run, fact: &str) -> (bool, String) {
    let options = &run.options;
    match fact {
        "guest" => match &options.image {
            Some(image) if !options.has_guest() => {
                (false, format!("--image {image} has no guest program"))
            }
            _ => (true, "the image is ours".to_owned()),
        },
        "registry" => match &options.image {
            Some(image) => (false, format!("--image {image} is the only image")),
            None => (true, "images come from our own registry".to_owned()),
        },
        "restart" => match &options.restart {
            Some(Restart::Command(_)) => (true, "--restart-cmd".to_owned()),
            Some(Restart::Own(_)) => (true, "stdcheck started the driver".to_owned()),
            None => (false, "no --restart-cmd".to_owned()),
        },
        "cni-conf" => match (&options.cni_conf_dir, &options.cni_bin_dir) {
            (Some(_), Some(_)) => (true, "--cni-conf-dir and --cni-bin-dir".to_owned()),
            _ => (false, "no --cni-conf-dir and --cni-bin-dir".to_owned()),
        },
        "files" => match sees_our_files(run) {
            Ok(()) => (true, "the target sees our files, and we its processes".to_owned()),
            Err(why) => (false, why),
        },
        fact => match options.driver.as_ref().and_then(|driver| driver.fact(fact, &run.drive)) {
            Some(found) => found,
            None => (false, format!("unknown host fact {fact}")),
        },
    }
}

/// Whether the target's process has the same files as we have, and whether we may look at it.
fn sees_our_files(run: &Run) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let Some(peer) = run.drive.peer() else {
        return Err("the target's process is not known (no unix socket, or another host)".into());
    };
    if !nix::unistd::Uid::effective().is_root() {
        return Err("stdcheck does not run as root".into());
    }
    let relative = run.dir.strip_prefix("/").unwrap_or(&run.dir);
    let theirs = Path::new("/proc").join(peer.pid.to_string()).join("root").join(relative);
    let (ours, theirs) = (std::fs::metadata(&run.dir), std::fs::metadata(theirs));
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) => {
            Ok(())
        }
        _ => Err("the target's process sees other files than we do (a container?)".into()),
    }
}
