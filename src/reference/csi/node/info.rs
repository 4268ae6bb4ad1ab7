//! NodeGetInfo and NodeGetCapabilities.

use std::sync::atomic::Ordering;

use crate::{
    proto::csi::v1::{
        NodeGetCapabilitiesRequest, NodeGetCapabilitiesResponse, NodeGetInfoRequest,
        NodeGetInfoResponse, NodeServiceCapability,
        node_service_capability::{
            Rpc, Type,
            rpc::Type::{self as Kind, *},
        },
    },
    reference::csi::{
        defect::Defect,
        driver::Driver,
        feature::Feature,
        refusal::{Answer, internal},
        topology,
    },
};

/// Who this node is.
pub fn info(driver: &Driver, _: NodeGetInfoRequest) -> Answer<NodeGetInfoResponse> {
    let before = driver.infos.fetch_add(1, Ordering::Relaxed);
    if before > 0 && driver.has(Defect::NodeInfoOnce) {
        return Err(internal("the node was asked already"));
    }
    let node_id = if driver.has(Defect::NodeIdChanges) {
        format!("{}-{before}", driver.node_id())
    } else {
        driver.node_id().to_owned()
    };
    let zone = topology::zone_of_node(0);
    Ok(NodeGetInfoResponse {
        node_id,
        max_volumes_per_node: driver.settings.volumes_limit,
        accessible_topology: driver
            .features
            .has(Feature::Topology)
            .then(|| topology::segments(zone)),
    })
}

const CAPABILITIES: &[(Feature, Kind)] = &[
    (Feature::Stage, StageUnstageVolume),
    (Feature::Stats, GetVolumeStats),
    (Feature::NodeExpand, ExpandVolume),
    (Feature::VolumeCondition, VolumeCondition),
    (Feature::SingleNodeMultiWriter, SingleNodeMultiWriter),
    (Feature::MountGroup, VolumeMountGroup),
];

/// Which rpcs of the Node service do something.
pub fn capabilities(
    driver: &Driver,
    _: NodeGetCapabilitiesRequest,
) -> Answer<NodeGetCapabilitiesResponse> {
    let on = CAPABILITIES.iter().filter(|(feature, _)| driver.features.has(*feature));
    let capability = |(_, kind): &(Feature, Kind)| NodeServiceCapability {
        r#type: Some(Type::Rpc(Rpc { r#type: (*kind).into() })),
    };
    Ok(NodeGetCapabilitiesResponse { capabilities: on.map(capability).collect() })
}
