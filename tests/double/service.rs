//! The typed server code on top of the topics: which rpc is served by what, and which is refused.

use std::sync::Arc;

use stdcheck::proto::cri::v1::{
    image_service_server::ImageService, runtime_service_server::RuntimeService, *,
};
use tokio_stream::{Empty, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{containers, events, guest, images, node, sandboxes, state::Store};

/// Both services over one store.
#[derive(Clone)]
pub struct Service(pub Arc<Store>);

/// Writes the implementation of a service out of a table. `serves` work on the state, `waits` on the
/// store, because they take their time; `streams` go on while somebody
/// listens; what is `refused` answers UNIMPLEMENTED.
macro_rules! service {
    (
        $service:ident
        serves { $($served:ident($sent:ty) -> $answered:ty = $work:path;)* }
        waits { $($waiting:ident($asked:ty) -> $given:ty = $slow:path;)* }
        refuses { $($refused:ident($unheard:ty) -> $never:ty;)* }
        streams { $($open:ident($told:ty) -> $flow:ident of $each:ty = $source:path;)* }
        refuses streams { $($stream:ident($wanted:ty) -> $name:ident of $item:ty;)* }
    ) => {
        #[tonic::async_trait]
        impl $service for Service {
            $(async fn $served(
                &self,
                request: Request<$sent>,
            ) -> Result<Response<$answered>, Status> {
                self.0.change(|state| $work(state, request.into_inner())).map(Response::new)
            })*
            $(async fn $waiting(
                &self,
                request: Request<$asked>,
            ) -> Result<Response<$given>, Status> {
                $slow(&self.0, request.into_inner()).await.map(Response::new)
            })*
            $(async fn $refused(
                &self,
                _: Request<$unheard>,
            ) -> Result<Response<$never>, Status> {
                Err(Status::unimplemented(stringify!($refused)))
            })*
            $(
                type $flow = ReceiverStream<Result<$each, Status>>;
                async fn $open(
                    &self,
                    request: Request<$told>,
                ) -> Result<Response<Self::$flow>, Status> {
                    Ok(Response::new($source(&self.0, request.into_inner())))
                }
            )*
            $(
                type $name = Empty<Result<$item, Status>>;
                async fn $stream(
                    &self,
                    _: Request<$wanted>,
                ) -> Result<Response<Self::$name>, Status> {
                    Err(Status::unimplemented(stringify!($stream)))
                }
            )*
        }
    };
}

service! {
    RuntimeService
    serves {
        version(VersionRequest) -> VersionResponse = node::version;
        status(StatusRequest) -> StatusResponse = node::status;
        runtime_config(RuntimeConfigRequest) -> RuntimeConfigResponse = node::runtime_config;
        update_runtime_config(UpdateRuntimeConfigRequest) -> UpdateRuntimeConfigResponse = node::update_runtime_config;
        run_pod_sandbox(RunPodSandboxRequest) -> RunPodSandboxResponse = sandboxes::run;
        stop_pod_sandbox(StopPodSandboxRequest) -> StopPodSandboxResponse = sandboxes::stop;
        remove_pod_sandbox(RemovePodSandboxRequest) -> RemovePodSandboxResponse = sandboxes::remove;
        pod_sandbox_status(PodSandboxStatusRequest) -> PodSandboxStatusResponse = sandboxes::status;
        list_pod_sandbox(ListPodSandboxRequest) -> ListPodSandboxResponse = sandboxes::list;
        update_pod_sandbox_resources(UpdatePodSandboxResourcesRequest) -> UpdatePodSandboxResourcesResponse = sandboxes::update_resources;
        create_container(CreateContainerRequest) -> CreateContainerResponse = containers::create;
        reopen_container_log(ReopenContainerLogRequest) -> ReopenContainerLogResponse = containers::reopen_log;
        remove_container(RemoveContainerRequest) -> RemoveContainerResponse = containers::remove;
        container_status(ContainerStatusRequest) -> ContainerStatusResponse = containers::status;
        list_containers(ListContainersRequest) -> ListContainersResponse = containers::list;
        container_stats(ContainerStatsRequest) -> ContainerStatsResponse = containers::stats;
        list_container_stats(ListContainerStatsRequest) -> ListContainerStatsResponse = containers::list_stats;
    }
    waits {
        start_container(StartContainerRequest) -> StartContainerResponse = containers::start;
        stop_container(StopContainerRequest) -> StopContainerResponse = containers::stop;
        exec_sync(ExecSyncRequest) -> ExecSyncResponse = guest::exec_sync;
    }
    refuses {
        update_container_resources(UpdateContainerResourcesRequest) -> UpdateContainerResourcesResponse;
        exec(ExecRequest) -> ExecResponse;
        attach(AttachRequest) -> AttachResponse;
        port_forward(PortForwardRequest) -> PortForwardResponse;
        pod_sandbox_stats(PodSandboxStatsRequest) -> PodSandboxStatsResponse;
        list_pod_sandbox_stats(ListPodSandboxStatsRequest) -> ListPodSandboxStatsResponse;
        list_metric_descriptors(ListMetricDescriptorsRequest) -> ListMetricDescriptorsResponse;
        list_pod_sandbox_metrics(ListPodSandboxMetricsRequest) -> ListPodSandboxMetricsResponse;
        checkpoint_container(CheckpointContainerRequest) -> CheckpointContainerResponse;
        checkpoint_pod(CheckpointPodRequest) -> CheckpointPodResponse;
        restore_pod(RestorePodRequest) -> RestorePodResponse;
    }
    streams {
        get_container_events(GetEventsRequest) -> GetContainerEventsStream of ContainerEventResponse = events::stream;
    }
    refuses streams {
        stream_pod_sandboxes(StreamPodSandboxesRequest) -> StreamPodSandboxesStream of StreamPodSandboxesResponse;
        stream_containers(StreamContainersRequest) -> StreamContainersStream of StreamContainersResponse;
        stream_container_stats(StreamContainerStatsRequest) -> StreamContainerStatsStream of StreamContainerStatsResponse;
        stream_pod_sandbox_stats(StreamPodSandboxStatsRequest) -> StreamPodSandboxStatsStream of StreamPodSandboxStatsResponse;
        stream_pod_sandbox_metrics(StreamPodSandboxMetricsRequest) -> StreamPodSandboxMetricsStream of StreamPodSandboxMetricsResponse;
    }
}

service! {
    ImageService
    serves {
        list_images(ListImagesRequest) -> ListImagesResponse = images::list;
        image_status(ImageStatusRequest) -> ImageStatusResponse = images::status;
        remove_image(RemoveImageRequest) -> RemoveImageResponse = images::remove;
        image_fs_info(ImageFsInfoRequest) -> ImageFsInfoResponse = images::fs_info;
    }
    waits {
        pull_image(PullImageRequest) -> PullImageResponse = images::pull;
    }
    refuses {}
    streams {}
    refuses streams {
        stream_images(StreamImagesRequest) -> StreamImagesStream of StreamImagesResponse;
    }
}
