//! The Node service: volumes on this host.

mod again;
mod expand;
mod info;
mod place;
mod publish;
mod recover;
mod stage;
mod stats;

use std::collections::{BTreeMap, HashMap};

pub use expand::{expand, grow_here};
pub use info::{capabilities, info};
pub use publish::{publish, unpublish};
pub use recover::recover;
pub use stage::{stage, unstage};
pub use stats::stats;

use super::{
    capability::{self, Capability},
    controller,
    defect::Defect,
    driver::Driver,
    feature::Feature,
    parameters,
    refusal::{Answer, invalid, precondition},
    state::Volume,
};

/// Refuses contexts that are not the volume's. They may be left out.
pub fn contexts(
    driver: &Driver,
    volume: &Volume,
    volume_context: &HashMap<String, String>,
    publish_context: &HashMap<String, String>,
) -> Answer<()> {
    volume_context_of(driver, volume, volume_context)?;
    let any = [Defect::AttachContextChanges, Defect::AttachContextSecret];
    if publish_context.is_empty() || any.into_iter().any(|defect| driver.has(defect)) {
        return Ok(());
    }
    let known = volume.attachments.get(driver.node_id());
    let ours = known.map(|attached| controller::publish_context(driver, attached));
    if ours.as_ref() == Some(publish_context) {
        Ok(())
    } else {
        Err(invalid("publish_context is not the one of this volume on this node"))
    }
}

/// Refuses a volume_context that is not the volume's. It may be left out.
pub fn volume_context_of(
    driver: &Driver,
    volume: &Volume,
    given: &HashMap<String, String>,
) -> Answer<()> {
    let any = [Defect::ContextChanges, Defect::ContextSecret];
    if given.is_empty()
        || *given == parameters::context(&volume.parameters)
        || any.into_iter().any(|defect| driver.has(defect))
    {
        Ok(())
    } else {
        Err(invalid("volume_context is not the one of this volume"))
    }
}

/// Refuses to use a volume that is not made for that, or is not here. Answers whether it may be read
/// only.
fn usable(driver: &Driver, volume: &Volume, asked: &Capability) -> Answer<bool> {
    if !capability::fits(volume, asked) {
        return Err(precondition("the volume was not made to be used like this"));
    }
    if !driver.features.has(Feature::Publish) {
        return Ok(asked.reads_only());
    }
    match volume.attachments.get(driver.node_id()) {
        None => Err(precondition("the controller has not published the volume on this node")),
        Some(attached) if !attached.capability.like(asked) => {
            Err(precondition("the controller has published the volume for another use"))
        }
        Some(attached) => {
            let closed = attached.readonly && !driver.has(Defect::AttachWritable);
            Ok(closed || asked.reads_only())
        }
    }
}

/// The key under which a target's own device is held.
fn held_target(target: &str) -> String {
    format!("target {target}")
}

/// Every volume that is at any path of this node.
fn elsewhere<'a>(
    volumes: &'a BTreeMap<String, Volume>,
    id: &str,
    path: &str,
) -> Option<&'a String> {
    let at = |volume: &Volume| {
        volume.published.contains_key(path)
            || volume.staged.as_ref().is_some_and(|staged| staged.path == path)
    };
    volumes.iter().find(|(other, volume)| *other != id && at(volume)).map(|(other, _)| other)
}
