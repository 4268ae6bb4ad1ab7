//! `network.behave`: how a recording plugin answers.

use std::collections::BTreeMap;

use super::{Done, Params, Verb, folder_of};
use crate::{
    delegate::{Behaviour, PLAN_FILE, Plan},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{cni::done, pod_network::failed},
};

const fn command(name: &'static str) -> Param {
    Param {
        name,
        required: false,
        title: "{ mode = ok | error | garbage | empty | bare-exit | hang | crash | flood, code, msg, \
                details, exit, result, stderr, delay_ms, only_at }",
    }
}

/// Says how one answers from now on.
pub const BEHAVE: Verb = Verb {
    signature: Signature {
        name: "network.behave",
        title: "says how a recording plugin answers from now on; what is not named succeeds",
        params: &[
            Param { name: "plugin", required: true, title: "its number in the list, from 1 on" },
            command("ADD"),
            command("DEL"),
            command("CHECK"),
            command("STATUS"),
            command("GC"),
            command("VERSION"),
        ],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { behave(lane, &params) }) },
};

fn behave(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let number = usize::try_from(params.number("plugin")?)
        .map_err(|_| Halt::Error("`plugin` is a number from 1 on".to_owned()))?;
    let folder = folder_of(&lane.run, number);
    let wrong = |error: serde_json::Error| Halt::Error(format!("network.behave: {error}"));
    let mut given = value::to_json(&params.0);
    if let Some(given) = given.as_object_mut() {
        given.remove("plugin");
    }
    let plan: BTreeMap<String, Behaviour> = serde_json::from_value(given).map_err(wrong)?;
    // What the check made is taken down before the network is put back, and by these plugins.
    let file = folder.join(PLAN_FILE);
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(format!("cannot remove {}: {error}", file.display()))
                }
                _ => Ok(()),
            }
        })
    }));
    Plan(plan).write(&folder).map_err(|error| failed("write a plan into", &folder, &error))?;
    Ok(done())
}
