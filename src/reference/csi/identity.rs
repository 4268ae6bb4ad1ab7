//! The Identity service: who the driver is.

use std::{collections::HashMap, sync::atomic::Ordering};

use super::{
    defect::Defect,
    driver::Driver,
    ext,
    feature::Feature,
    refusal::{Answer, precondition},
};
use crate::proto::csi::v1::{
    GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginInfoRequest,
    GetPluginInfoResponse, PluginCapability, ProbeRequest, ProbeResponse,
    plugin_capability::{Service, Type, VolumeExpansion, service, volume_expansion},
};

/// Name and version.
pub fn info(driver: &Driver, _: GetPluginInfoRequest) -> Answer<GetPluginInfoResponse> {
    Ok(GetPluginInfoResponse {
        name: driver.settings.name.clone(),
        vendor_version: env!("CARGO_PKG_VERSION").to_owned(),
        manifest: HashMap::from([("kind".to_owned(), "reference".to_owned())]),
    })
}

/// Which services the driver has, and how its volumes grow.
pub fn capabilities(
    driver: &Driver,
    _: GetPluginCapabilitiesRequest,
) -> Answer<GetPluginCapabilitiesResponse> {
    use service::Type::*;
    let services = [
        (Feature::Controller, ControllerService),
        (Feature::Topology, VolumeAccessibilityConstraints),
        (Feature::Group, GroupControllerService),
        (Feature::Metadata, SnapshotMetadataService),
    ];
    let services = services.into_iter().filter(|(feature, _)| driver.features.has(*feature));
    let services = services.map(|(_, kind)| Type::Service(Service { r#type: kind.into() }));
    let expansions = [
        (Feature::Online, volume_expansion::Type::Online),
        (Feature::Offline, volume_expansion::Type::Offline),
    ];
    // Online is more than offline: one of the two is said.
    let expansion = expansions.into_iter().find(|(feature, _)| driver.features.has(*feature));
    let expansion =
        expansion.map(|(_, kind)| Type::VolumeExpansion(VolumeExpansion { r#type: kind.into() }));
    let capability = |kind| PluginCapability { r#type: Some(kind) };
    Ok(GetPluginCapabilitiesResponse {
        capabilities: services.chain(expansion).map(capability).collect(),
    })
}

/// Whether all is well: what the node needs has to be there.
pub fn probe(driver: &Driver, _: ProbeRequest) -> Answer<ProbeResponse> {
    let before = driver.probes.fetch_add(1, Ordering::Relaxed);
    if before >= 10 && driver.has(Defect::ProbeOnce) {
        return Err(precondition("the driver was asked too often"));
    }
    let mounts = driver.serves.contains(&Feature::Node) && driver.features.has(Feature::Mount);
    if mounts && !ext::tools() {
        return Err(precondition("mke2fs is not on this node"));
    }
    Ok(ProbeResponse { ready: Some(!driver.has(Defect::ProbeUnready)) })
}
