//! The five services, rpc by rpc: what each needs, and where it is done.

use std::sync::Arc;

use tokio_stream::Iter;
use tonic::{Request, Response, Status};

use super::{
    call::{Rpc, call},
    controller,
    driver::Driver,
    feature::Feature::*,
    group, identity, metadata, node,
};
use crate::proto::csi::v1::{
    controller_server::Controller as ControllerService,
    group_controller_server::GroupController as GroupControllerService,
    identity_server::Identity as IdentityService, node_server::Node as NodeService,
    snapshot_metadata_server::SnapshotMetadata as SnapshotMetadataService, *,
};

/// The driver as a server.
#[derive(Clone)]
pub struct Server(pub Arc<Driver>);

macro_rules! serve {
    ($service:ident: $($rpc:ident $name:literal ($asked:ty) -> $reply:ty,
       [$($needs:ident),*] $work:path;)*) => {
        #[tonic::async_trait]
        impl $service for Server {
            $(async fn $rpc(&self, request: Request<$asked>) -> Result<Response<$reply>, Status> {
                call(&self.0, Rpc { name: $name, needs: &[$($needs),*] }, request, $work).await
            })*
        }
    };
}

serve! { IdentityService:
    get_plugin_info "GetPluginInfo" (GetPluginInfoRequest) -> GetPluginInfoResponse,
        [] identity::info;
    get_plugin_capabilities "GetPluginCapabilities" (GetPluginCapabilitiesRequest) -> GetPluginCapabilitiesResponse,
        [] identity::capabilities;
    probe "Probe" (ProbeRequest) -> ProbeResponse,
        [] identity::probe;
}

serve! { ControllerService:
    create_volume "CreateVolume" (CreateVolumeRequest) -> CreateVolumeResponse,
        [Controller, CreateDelete] controller::create;
    delete_volume "DeleteVolume" (DeleteVolumeRequest) -> DeleteVolumeResponse,
        [Controller, CreateDelete] controller::delete;
    controller_publish_volume "ControllerPublishVolume" (ControllerPublishVolumeRequest) -> ControllerPublishVolumeResponse,
        [Controller, Publish] controller::attach;
    controller_unpublish_volume "ControllerUnpublishVolume" (ControllerUnpublishVolumeRequest) -> ControllerUnpublishVolumeResponse,
        [Controller, Publish] controller::detach;
    validate_volume_capabilities "ValidateVolumeCapabilities" (ValidateVolumeCapabilitiesRequest) -> ValidateVolumeCapabilitiesResponse,
        [Controller] controller::validate;
    list_volumes "ListVolumes" (ListVolumesRequest) -> ListVolumesResponse,
        [Controller, ListVolumes] controller::list;
    get_capacity "GetCapacity" (GetCapacityRequest) -> GetCapacityResponse,
        [Controller, GetCapacity] controller::capacity;
    controller_get_capabilities "ControllerGetCapabilities" (ControllerGetCapabilitiesRequest) -> ControllerGetCapabilitiesResponse,
        [Controller] controller::capabilities;
    create_snapshot "CreateSnapshot" (CreateSnapshotRequest) -> CreateSnapshotResponse,
        [Controller, Snapshots] controller::create_snapshot;
    delete_snapshot "DeleteSnapshot" (DeleteSnapshotRequest) -> DeleteSnapshotResponse,
        [Controller, Snapshots] controller::delete_snapshot;
    list_snapshots "ListSnapshots" (ListSnapshotsRequest) -> ListSnapshotsResponse,
        [Controller, ListSnapshots] controller::list_snapshots;
    get_snapshot "GetSnapshot" (GetSnapshotRequest) -> GetSnapshotResponse,
        [Controller, GetSnapshot] controller::get_snapshot;
    controller_expand_volume "ControllerExpandVolume" (ControllerExpandVolumeRequest) -> ControllerExpandVolumeResponse,
        [Controller, Expand] controller::expand;
    controller_get_volume "ControllerGetVolume" (ControllerGetVolumeRequest) -> ControllerGetVolumeResponse,
        [Controller, GetVolume] controller::get;
    controller_modify_volume "ControllerModifyVolume" (ControllerModifyVolumeRequest) -> ControllerModifyVolumeResponse,
        [Controller, Modify] controller::modify;
}

serve! { GroupControllerService:
    group_controller_get_capabilities "GroupControllerGetCapabilities" (GroupControllerGetCapabilitiesRequest) -> GroupControllerGetCapabilitiesResponse,
        [Group] group::capabilities;
    create_volume_group_snapshot "CreateVolumeGroupSnapshot" (CreateVolumeGroupSnapshotRequest) -> CreateVolumeGroupSnapshotResponse,
        [Group] group::create;
    delete_volume_group_snapshot "DeleteVolumeGroupSnapshot" (DeleteVolumeGroupSnapshotRequest) -> DeleteVolumeGroupSnapshotResponse,
        [Group] group::delete;
    get_volume_group_snapshot "GetVolumeGroupSnapshot" (GetVolumeGroupSnapshotRequest) -> GetVolumeGroupSnapshotResponse,
        [Group] group::get;
}

serve! { NodeService:
    node_stage_volume "NodeStageVolume" (NodeStageVolumeRequest) -> NodeStageVolumeResponse,
        [Node, Stage] node::stage;
    node_unstage_volume "NodeUnstageVolume" (NodeUnstageVolumeRequest) -> NodeUnstageVolumeResponse,
        [Node, Stage] node::unstage;
    node_publish_volume "NodePublishVolume" (NodePublishVolumeRequest) -> NodePublishVolumeResponse,
        [Node] node::publish;
    node_unpublish_volume "NodeUnpublishVolume" (NodeUnpublishVolumeRequest) -> NodeUnpublishVolumeResponse,
        [Node] node::unpublish;
    node_get_volume_stats "NodeGetVolumeStats" (NodeGetVolumeStatsRequest) -> NodeGetVolumeStatsResponse,
        [Node] node::stats;
    node_expand_volume "NodeExpandVolume" (NodeExpandVolumeRequest) -> NodeExpandVolumeResponse,
        [Node, NodeExpand] node::expand;
    node_get_capabilities "NodeGetCapabilities" (NodeGetCapabilitiesRequest) -> NodeGetCapabilitiesResponse,
        [Node] node::capabilities;
    node_get_info "NodeGetInfo" (NodeGetInfoRequest) -> NodeGetInfoResponse,
        [Node] node::info;
}

/// Messages that are all there before the first is sent: an error is the whole answer.
type Messages<T> = Iter<std::vec::IntoIter<Result<T, Status>>>;

fn stream<T>(response: Response<Vec<T>>) -> Response<Messages<T>> {
    response.map(|messages| tokio_stream::iter(messages.into_iter().map(Ok).collect::<Vec<_>>()))
}

#[tonic::async_trait]
impl SnapshotMetadataService for Server {
    type GetMetadataAllocatedStream = Messages<GetMetadataAllocatedResponse>;
    type GetMetadataDeltaStream = Messages<GetMetadataDeltaResponse>;

    async fn get_metadata_allocated(
        &self,
        request: Request<GetMetadataAllocatedRequest>,
    ) -> Result<Response<Self::GetMetadataAllocatedStream>, Status> {
        let rpc = Rpc { name: "GetMetadataAllocated", needs: &[Metadata] };
        Ok(stream(call(&self.0, rpc, request, metadata::allocated).await?))
    }

    async fn get_metadata_delta(
        &self,
        request: Request<GetMetadataDeltaRequest>,
    ) -> Result<Response<Self::GetMetadataDeltaStream>, Status> {
        let rpc = Rpc { name: "GetMetadataDelta", needs: &[Metadata] };
        Ok(stream(call(&self.0, rpc, request, metadata::delta).await?))
    }
}
