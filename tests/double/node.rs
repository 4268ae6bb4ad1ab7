//! The calls about the runtime itself: Version, Status, RuntimeConfig.

use std::collections::HashMap;

use stdcheck::proto::cri::v1::{
    CgroupDriver, LinuxRuntimeConfiguration, RuntimeCondition, RuntimeConfigRequest,
    RuntimeConfigResponse, RuntimeFeatures, RuntimeHandler, RuntimeHandlerFeatures, RuntimeStatus,
    StatusRequest, StatusResponse, UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse,
    VersionRequest, VersionResponse,
};
use tonic::Status;

use super::{cni, state::State};

/// The runtime handlers that there are.
pub const HANDLERS: [&str; 2] = ["", "other"];

pub fn version(_: &mut State, _: VersionRequest) -> Result<VersionResponse, Status> {
    Ok(VersionResponse {
        version: "0.1.0".into(),
        runtime_name: "stdcheck-double".into(),
        runtime_version: "1.0.0".into(),
        runtime_api_version: "v1.0.0".into(),
    })
}

pub fn status(state: &mut State, request: StatusRequest) -> Result<StatusResponse, Status> {
    let network = cni::name(state);
    let condition = |kind: &str, status: bool| RuntimeCondition {
        r#type: kind.into(),
        status,
        ..RuntimeCondition::default()
    };
    let of_handler =
        RuntimeHandlerFeatures { recursive_read_only_mounts: true, user_namespaces: true };
    let handler = |name: &str| RuntimeHandler { name: name.into(), features: Some(of_handler) };
    let features = RuntimeFeatures {
        supplemental_groups_policy: true,
        user_namespaces_host_network: true,
        mount_options: true,
    };
    let mut info = info(request.verbose);
    if let (true, Some(name)) = (request.verbose, &network) {
        info.insert("network".into(), serde_json::json!({ "name": name }).to_string());
    }
    Ok(StatusResponse {
        status: Some(RuntimeStatus {
            conditions: vec![
                condition("RuntimeReady", true),
                condition("NetworkReady", network.is_some()),
            ],
        }),
        info,
        runtime_handlers: HANDLERS.map(handler).into(),
        features: Some(features),
    })
}

/// The extra information: only where it was asked for. It tells no process id: there is no process.
pub fn info(verbose: bool) -> HashMap<String, String> {
    if verbose {
        HashMap::from([("info".into(), r#"{"double": true}"#.into())])
    } else {
        HashMap::new()
    }
}

pub fn runtime_config(
    _: &mut State,
    _: RuntimeConfigRequest,
) -> Result<RuntimeConfigResponse, Status> {
    let cgroup_driver = CgroupDriver::Cgroupfs.into();
    Ok(RuntimeConfigResponse { linux: Some(LinuxRuntimeConfiguration { cgroup_driver }) })
}

pub fn update_runtime_config(
    _: &mut State,
    _: UpdateRuntimeConfigRequest,
) -> Result<UpdateRuntimeConfigResponse, Status> {
    Ok(UpdateRuntimeConfigResponse::default())
}
