//! `network.calls` and `network.called`: what the recording plugins were called with.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Done, Params, Verb,
    log::{self, Noted},
    network_of,
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type},
        signature::{Param, Signature},
    },
    verbs::{cni::optional, cni::told, pod_network::LOOK_AGAIN_AFTER},
};

const COMMAND: Param =
    Param { name: "command", required: false, title: "only calls of this command" };

/// All calls so far.
pub const CALLS: Verb = Verb {
    signature: Signature {
        name: "network.calls",
        title: "what the recording plugins were called with, in order",
        params: &[
            COMMAND,
            Param {
                name: "container_id",
                required: false,
                title: "only the calls for this sandbox",
            },
            Param { name: "plugin", required: false, title: "only those of this one of the list" },
        ],
        reply: || {
            let texts = || Type::List(Box::new(Type::Text));
            Type::members([
                ("order", texts()),
                ("calls", Type::List(Box::new(Type::Dyn))),
                ("overlaps", texts()),
                ("added_again", texts()),
                ("checked_unattached", texts()),
                // Those of CNI_NETNS that still exist.
                ("namespaces", texts()),
                ("runtime_netns_inode", Type::Int),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { calls(lane, &params) }) },
};

/// Whether there is a call, or one comes.
pub const CALLED: Verb = Verb {
    signature: Signature {
        name: "network.called",
        title: "whether the runtime calls a command, now or within some seconds",
        params: &[
            Param { required: true, ..COMMAND },
            Param { name: "seconds", required: true, title: "how long it may take" },
        ],
        reply: || Type::members([("called", Type::Bool)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { called(lane, &params).await }) },
};

fn calls(lane: &Lane, params: &Params) -> Result<Value, Halt> {
    let command = optional(params, "command")?;
    let container = optional(params, "container_id")?;
    let plugin = match params.get("plugin") {
        Some(_) => Some(params.number("plugin")?),
        None => None,
    };
    let mut calls = noted(lane)?;
    calls.retain(|call| {
        command.as_ref().is_none_or(|wanted| *wanted == call.command)
            && container.as_ref().is_none_or(|wanted| *wanted == call.parameters.container_id)
            && plugin.is_none_or(|wanted| usize::try_from(wanted) == Ok(call.plugin))
    });
    let runtime = lane.run.drive.peer().map(|peer| Path::new("/proc").join(peer.pid.to_string()));
    let own = runtime.as_ref().map_or(0, |proc| inode(&proc.join("ns/net")));
    let root = runtime.map_or_else(|| PathBuf::from("/"), |proc| proc.join("root"));
    let mut namespaces: Vec<&str> = calls
        .iter()
        .map(|call| call.parameters.netns.as_str())
        .filter(|netns| !netns.is_empty() && root.join(netns.trim_start_matches('/')).exists())
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let (again, unattached) = log::disorder(&calls);
    told(&serde_json::json!({
        "order": calls.iter().map(log::label).collect::<Vec<_>>(),
        "overlaps": log::overlaps(&calls),
        "added_again": again,
        "checked_unattached": unattached,
        "namespaces": namespaces,
        "runtime_netns_inode": own,
        "calls": calls,
    }))
}

fn noted(lane: &Lane) -> Result<Vec<Noted>, Halt> {
    log::read(&network_of(&lane.run))
        .map_err(|error| Halt::Error(format!("cannot read what was recorded: {error}")))
}

fn inode(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or(0, |metadata| metadata.ino())
}

async fn called(lane: &Lane, params: &Params) -> Result<Value, Halt> {
    let command = params.text("command")?;
    let seconds = u64::try_from(params.number("seconds")?)
        .map_err(|_| Halt::Error("`seconds` is negative".to_owned()))?;
    let _pending = lane.run.clock.start();
    let begin = Instant::now();
    loop {
        let called = noted(lane)?.iter().any(|call| call.command == command);
        if called || begin.elapsed() >= Duration::from_secs(seconds) {
            return told(&serde_json::json!({ "called": called }));
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}
