//! The good plugins of the tests are older than version 1.1.0 of the specification. Where a difference
//! is tried at 1.1.0, this stands between it and them: it translates, and does STATUS and GC.

use std::{os::unix::net::UnixStream, path::Path};

use serde_json::{Value as Json, json};
use stdcheck::delegate;

use super::{
    call::{Call, Outcome, links_here},
    history,
    rule::Rule,
    stand_in::StandIn,
};

const NEWEST: &str = "1.1.0";
const THEIRS: &str = "1.0.0";
/// Where the daemon of the plugin dhcp listens.
const DHCP: &str = "/run/cni/dhcp.sock";

/// What a plugin that knows 1.1.0 would answer.
///
/// # Errors
/// If a good plugin cannot be executed.
pub fn execute(plugin: &str, call: &Call, rule: &Rule) -> Result<Outcome, String> {
    let command = call.var("CNI_COMMAND");
    let config = call.config();
    let newest = config["cniVersion"] == NEWEST;
    match command {
        "VERSION" => {
            let mut outcome = theirs(plugin, call, rule)?;
            let mut reply = outcome.reply();
            if let Some(versions) = reply["supportedVersions"].as_array_mut() {
                versions.push(json!(NEWEST));
                if config["cniVersion"] != THEIRS {
                    reply["cniVersion"] = json!(NEWEST);
                }
                outcome.stdout = reply.to_string().into_bytes();
            }
            Ok(outcome)
        }
        "STATUS" | "GC" if newest => {
            if command == "GC"
                && let Some(failed) = collect(plugin, call, rule)?
            {
                return Ok(failed);
            }
            if command == "STATUS"
                && let Some(why) = lacks(plugin, &config)
            {
                return Ok(unready(&why));
            }
            hand_on(plugin, call)
        }
        _ if newest => translated(plugin, call, rule),
        _ => theirs(plugin, call, rule),
    }
}

/// The plugin's own answer at the version before, told as one of the newest.
fn translated(plugin: &str, call: &Call, rule: &Rule) -> Result<Outcome, String> {
    let mut call = call.clone();
    let mut config = call.config();
    config["cniVersion"] = json!(THEIRS);
    if let Some(previous) = config.get_mut("prevResult").filter(|previous| previous.is_object()) {
        previous["cniVersion"] = json!(THEIRS);
    }
    call.set_config(&config);
    let mut outcome = theirs(plugin, &call, rule)?;
    let mut reply = outcome.reply();
    if reply.get("cniVersion").is_some() {
        reply["cniVersion"] = json!(NEWEST);
        outcome.stdout = reply.to_string().into_bytes();
    }
    Ok(outcome)
}

/// STATUS and GC go on to the delegated plugin, if that knows them: ours does.
fn hand_on(plugin: &str, call: &Call) -> Result<Outcome, String> {
    let config = call.config();
    // An IPAM plugin finds itself there.
    let kind = config["ipam"]["type"].as_str().filter(|kind| *kind != plugin);
    let Some(kind) = kind else { return Ok(Outcome::default()) };
    let folders = call.var("CNI_PATH").split(':').map(Path::new);
    match folders.map(|folder| folder.join(kind)).find(|path| path.exists()) {
        Some(found) if kind.starts_with(delegate::NAME) => {
            call.execute(&found).map_err(|error| error.to_string())
        }
        Some(_) => Ok(Outcome::default()),
        None => Ok(unready(&format!("there is no {kind}"))),
    }
}

/// What ADD would need and is not there: the link that it builds on, or its daemon.
fn lacks(plugin: &str, config: &Json) -> Option<String> {
    let links = links_here();
    let mut builds_on = ["device", "master"].into_iter().filter_map(|key| config[key].as_str());
    if let Some(link) =
        builds_on.find(|link| !link.is_empty() && !links.contains(&(*link).to_owned()))
    {
        return Some(format!("there is no {link}"));
    }
    let silent = plugin == "dhcp" && UnixStream::connect(DHCP).is_err();
    silent.then(|| format!("nobody listens at {DHCP}"))
}

fn unready(why: &str) -> Outcome {
    let error = json!({ "cniVersion": NEWEST, "code": 50, "msg": why });
    Outcome { exit: 1, stdout: error.to_string().into_bytes(), stderr: Vec::new() }
}

/// DEL of each attachment of this network that is not named as valid.
fn collect(plugin: &str, call: &Call, rule: &Rule) -> Result<Option<Outcome>, String> {
    let config = call.config();
    let network = config["name"].as_str().unwrap_or_default();
    let Some(valid) = config["cni.dev/valid-attachments"].as_array() else { return Ok(None) };
    let kept = |id: &str, ifname: &str| {
        valid.iter().any(|one| one["containerID"] == id && one["ifname"] == ifname)
    };
    let mut known: Vec<history::Entry> = Vec::new();
    for entry in history::read().into_iter().filter(|entry| entry.exit == Some(0)) {
        match entry.command.as_str() {
            "ADD" => known.push(entry),
            "DEL" => known.retain(|one| !one.is_of(&entry)),
            _ => {}
        }
    }
    for entry in known {
        if entry.network != network || kept(&entry.id, &entry.ifname) {
            continue;
        }
        let mut call = call.clone();
        for (name, given) in [
            ("CNI_COMMAND", "DEL"),
            ("CNI_CONTAINERID", &entry.id),
            ("CNI_IFNAME", &entry.ifname),
            ("CNI_NETNS", &entry.netns),
        ] {
            call.env.insert(name.to_owned(), given.to_owned());
        }
        let mut config: Json = entry.config.clone();
        config["prevResult"] = entry.reply.clone();
        call.set_config(&config);
        let gone = call.netns_kind() != "namespace";
        let stand_in = if gone { Some(StandIn::of(&entry)?) } else { None };
        let mut cleared = call.clone();
        if let Some(stand_in) = &stand_in {
            cleared.env.insert("CNI_NETNS".to_owned(), stand_in.path.clone());
        }
        let outcome = translated(plugin, &cleared, rule)?;
        if outcome.exit != 0 {
            return Ok(Some(outcome));
        }
        outcome.note(&call);
    }
    Ok(None)
}

fn theirs(plugin: &str, call: &Call, rule: &Rule) -> Result<Outcome, String> {
    super::theirs(plugin, call, rule)
}
