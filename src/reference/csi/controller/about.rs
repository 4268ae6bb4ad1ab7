//! GetCapacity and ControllerGetCapabilities.

use crate::{
    proto::csi::v1::{
        ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesResponse,
        ControllerServiceCapability, GetCapacityRequest, GetCapacityResponse,
        controller_service_capability::{
            Rpc, Type,
            rpc::Type::{self as Kind, *},
        },
    },
    reference::csi::{
        capability, capacity,
        defect::Defect,
        driver::Driver,
        feature::Feature,
        parameters,
        refusal::{Answer, invalid},
        state::State,
        topology,
    },
};

/// How much room there is for volumes of a kind in a place.
pub fn capacity(driver: &Driver, asked: GetCapacityRequest) -> Answer<GetCapacityResponse> {
    for capability in &asked.volume_capabilities {
        capability::well_formed(driver, capability)?;
    }
    parameters::fixed(driver, &asked.parameters)?;
    let mut possible =
        asked.volume_capabilities.iter().all(|one| capability::supported(driver, one).is_ok());
    if let Some(place) = &asked.accessible_topology {
        if !driver.features.has(Feature::Topology) {
            return Err(invalid("accessible_topology is not supported"));
        }
        topology::well_formed(place)?;
        possible &= topology::zone(place).is_some() || driver.has(Defect::CapacityEverywhere);
    }
    let promised = driver.store.read(State::promised)?;
    let left = if possible { (driver.settings.capacity - promised).max(0) } else { 0 };
    Ok(GetCapacityResponse {
        available_capacity: if driver.has(Defect::CapacityNegative) { -1 } else { left },
        maximum_volume_size: Some(driver.settings.max_volume_size),
        minimum_volume_size: Some(capacity::MINIMUM),
    })
}

const CAPABILITIES: &[(Feature, Kind)] = &[
    (Feature::CreateDelete, CreateDeleteVolume),
    (Feature::Publish, PublishUnpublishVolume),
    (Feature::ListVolumes, ListVolumes),
    (Feature::GetCapacity, GetCapacity),
    (Feature::Snapshots, CreateDeleteSnapshot),
    (Feature::ListSnapshots, ListSnapshots),
    (Feature::Clone, CloneVolume),
    (Feature::PublishReadonly, PublishReadonly),
    (Feature::Expand, ExpandVolume),
    (Feature::PublishedNodes, ListVolumesPublishedNodes),
    (Feature::VolumeCondition, VolumeCondition),
    (Feature::GetVolume, GetVolume),
    (Feature::SingleNodeMultiWriter, SingleNodeMultiWriter),
    (Feature::Modify, ModifyVolume),
    (Feature::GetSnapshot, GetSnapshot),
];

/// Which rpcs of the Controller service do something.
pub fn capabilities(
    driver: &Driver,
    _: ControllerGetCapabilitiesRequest,
) -> Answer<ControllerGetCapabilitiesResponse> {
    let on = CAPABILITIES.iter().filter(|(feature, _)| driver.features.has(*feature));
    let capability = |(_, kind): &(Feature, Kind)| ControllerServiceCapability {
        r#type: Some(Type::Rpc(Rpc { r#type: (*kind).into() })),
    };
    Ok(ControllerGetCapabilitiesResponse { capabilities: on.map(capability).collect() })
}
