//! What the driver says that it has. Asked once in a run.

use std::collections::BTreeSet;

use tonic::Code;

use super::values::{list, nothing, text};
use crate::{
    drive::grpc::Outcome,
    run::{
        halt::Halt,
        lane::{Lane, NO_ENDPOINT, refusal},
    },
};

/// The rpcs that tell, and the word before what they tell.
const ASKED: [(&str, &str); 3] = [
    ("Identity/GetPluginCapabilities", "plugin"),
    ("Controller/ControllerGetCapabilities", "controller"),
    ("Node/NodeGetCapabilities", "node"),
];

/// Whether it has `controller:EXPAND_VOLUME`, `node:…`, `plugin:…`, `expansion:ONLINE`.
pub async fn has(lane: &Lane, name: &str) -> Result<bool, Halt> {
    let Some(driver) = lane.run.options.driver.clone() else {
        return Err(Halt::Error("the target is no storage driver".to_owned()));
    };
    let known = driver.known.advertised.get_or_try_init(|| ask(lane)).await?;
    Ok(known.contains(name))
}

async fn ask(lane: &Lane) -> Result<BTreeSet<String>, Halt> {
    // Its evidence would stand in the check that happened to ask first.
    let mut own = Lane::new(&lane.run, &lane.owner);
    let mut known = BTreeSet::new();
    for (rpc, word) in ASKED {
        let answer = own.ask(rpc, nothing(), lane.run.options.step_timeout).await?;
        match &answer.outcome {
            Outcome::Answered if answer.code == Code::Ok => {}
            Outcome::Answered if answer.code == Code::Unimplemented => continue,
            Outcome::Unreachable(why) if why == NO_ENDPOINT => continue,
            _ => return Err(refusal(rpc, &answer)),
        }
        let Some(reply) = answer.reply_value() else { continue };
        for capability in list(reply, "capabilities") {
            for (path, word) in
                [("rpc.type", word), ("service.type", word), ("volume_expansion.type", "expansion")]
            {
                let name = text(&capability, path);
                if !name.is_empty() {
                    known.insert(format!("{word}:{name}"));
                }
            }
        }
    }
    Ok(known)
}
