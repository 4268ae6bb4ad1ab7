//! ControllerPublishVolume and ControllerUnpublishVolume.

use std::collections::{BTreeMap, HashMap};

use super::shape;
use crate::{
    proto::csi::v1::{
        ControllerPublishVolumeRequest, ControllerPublishVolumeResponse,
        ControllerUnpublishVolumeRequest, ControllerUnpublishVolumeResponse,
    },
    reference::csi::{
        capability,
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field, ids, locks, node,
        refusal::{Answer, exhausted, exists, invalid, not_found, precondition, shown},
        secret,
        state::{Use, Volume},
        topology,
    },
};

/// What a node is told of a volume that is published on it.
pub fn publish_context(_: &Driver, attached: &Use) -> HashMap<String, String> {
    let readonly = attached.readonly.to_string();
    HashMap::from([("stdcheck.dev/readonly".to_owned(), readonly)])
}

/// Makes a volume available on a node.
pub fn attach(
    driver: &Driver,
    asked: ControllerPublishVolumeRequest,
) -> Answer<ControllerPublishVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    field::required(&asked.node_id, "node_id")?;
    let capability =
        capability::one(driver, asked.volume_capability.as_ref(), "volume_capability")?;
    if asked.readonly && !driver.features.has(Feature::PublishReadonly) {
        return Err(invalid("readonly is not supported: PUBLISH_READONLY is off"));
    }
    secret::check(driver, &asked.secrets)?;
    let (id, node) = (&asked.volume_id, &asked.node_id);
    let wish = Use { capability, readonly: asked.readonly };
    // One lock for all: the limit of a node is about all volumes.
    driver.locks.hold(vec![locks::volume(id), "attachments".to_owned()], || {
        let volume = driver.volume(id)?;
        let number = driver.settings.nodes.iter().position(|known| known == node);
        if number.is_none() && !driver.has(Defect::AttachAnyNode) {
            return Err(not_found(format!("there is no node {}", shown(node))));
        }
        node::volume_context_of(driver, &volume, &asked.volume_context)?;
        if !capability::fits(&volume, &wish.capability) {
            return Err(invalid("the volume was not made to be used like this"));
        }
        if let Some(known) = volume.attachments.get(node) {
            if *known != wish && !driver.has(Defect::AttachToggle) {
                return Err(exists("the volume is published there with another use or readonly"));
            }
            return Ok(reply(driver, known, &asked.secrets));
        }
        only_here(driver, &volume, &wish)?;
        if driver.features.has(Feature::Topology)
            && !number.is_none_or(|number| reachable(&volume, number))
        {
            return Err(precondition("the volume cannot be reached from this node"));
        }
        room(driver, node)?;
        driver.change(id, |volume| volume.attachments.insert(node.clone(), wish.clone()))?;
        Ok(reply(driver, &wish, &asked.secrets))
    })
}

fn reply(
    driver: &Driver,
    attached: &Use,
    secrets: &HashMap<String, String>,
) -> ControllerPublishVolumeResponse {
    let mut context = publish_context(driver, attached);
    if driver.has(Defect::AttachContextChanges) {
        context.insert("stdcheck.dev/reply".into(), ids::fresh("reply").unwrap_or_default());
    }
    let publish_context =
        shape::with_secrets(driver, Defect::AttachContextSecret, context, secrets);
    ControllerPublishVolumeResponse { publish_context }
}

/// Refuses a second node for a volume that only one may use.
fn only_here(driver: &Driver, volume: &Volume, wish: &Use) -> Answer<()> {
    let Some((other, known)) = volume.attachments.first_key_value() else { return Ok(()) };
    let many = known.capability.many_nodes() && wish.capability.many_nodes();
    if many || driver.has(Defect::AttachEverywhere) {
        return Ok(());
    }
    if driver.has(Defect::AttachNameless) {
        return Err(precondition("the volume is published elsewhere"));
    }
    Err(precondition(format!(
        "the volume is published on the node {other}, and may be on one only"
    )))
}

fn reachable(volume: &Volume, node: usize) -> bool {
    volume.zones.iter().any(|zone| zone == topology::zone_of_node(node))
}

fn room(driver: &Driver, node: &str) -> Answer<()> {
    let limit = driver.settings.volumes_limit;
    if limit == 0 || driver.has(Defect::AttachNoLimit) {
        return Ok(());
    }
    let there = |volumes: &BTreeMap<String, Volume>| {
        volumes.values().filter(|volume| volume.attachments.contains_key(node)).count()
    };
    let count = driver.store.read(|state| there(&state.volumes))?;
    if i64::try_from(count).is_ok_and(|count| count < limit) {
        Ok(())
    } else {
        Err(exhausted(format!("the node takes no more than {limit} volumes")))
    }
}

/// Takes that back, from one node or from all. What is not there is not published.
pub fn detach(
    driver: &Driver,
    asked: ControllerUnpublishVolumeRequest,
) -> Answer<ControllerUnpublishVolumeResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    secret::check(driver, &asked.secrets)?;
    let (id, node) = (&asked.volume_id, &asked.node_id);
    let done = Ok(ControllerUnpublishVolumeResponse {});
    driver.locks.hold(vec![locks::volume(id)], || {
        let found = driver.store.read(|state| state.volumes.get(id).cloned())?;
        let attached = found.as_ref().is_some_and(|volume| match node.as_str() {
            "" => !volume.attachments.is_empty(),
            node => volume.attachments.contains_key(node),
        });
        if !attached {
            return if driver.has(Defect::DetachUnknownFails) {
                Err(precondition("the volume is not published there"))
            } else {
                done
            };
        }
        let from_here = node.is_empty() || node == driver.node_id();
        if from_here && found.is_some_and(|volume| volume.on_node()) {
            return Err(precondition("the volume is still in use on the node"));
        }
        let nothing = driver.has(Defect::DetachKeeps)
            || (node.is_empty() && driver.has(Defect::DetachAllNothing));
        if !nothing {
            driver.change(id, |volume| match node.as_str() {
                "" => volume.attachments.clear(),
                node => drop(volume.attachments.remove(node)),
            })?;
        }
        done
    })
}
