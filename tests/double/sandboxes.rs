//! Pod sandboxes: run, stop, remove, status, list.

use std::{collections::HashMap, path::Path};

use stdcheck::proto::cri::v1::{
    LinuxPodSandboxConfig, LinuxPodSandboxStatus, ListPodSandboxRequest, ListPodSandboxResponse,
    Namespace, NamespaceMode, NamespaceOption, PodSandbox, PodSandboxConfig, PodSandboxFilter,
    PodSandboxNetworkStatus, PodSandboxStatus, PodSandboxStatusRequest, PodSandboxStatusResponse,
    RemovePodSandboxRequest, RemovePodSandboxResponse, RunPodSandboxRequest, RunPodSandboxResponse,
    StopPodSandboxRequest, StopPodSandboxResponse, UpdatePodSandboxResourcesRequest,
    UpdatePodSandboxResourcesResponse, security_profile::ProfileType,
};
use tonic::Status;

use super::{
    cni, containers, node,
    state::{Sandbox, State, now},
};

/// Sysctls begin like this where a pod has its own.
const OWN_SYSCTLS: &[&str] = &["net.ipv4.", "net.ipv6.", "net.core.", "kernel.shm", "kernel.msg"];

pub fn run(
    state: &mut State,
    request: RunPodSandboxRequest,
) -> Result<RunPodSandboxResponse, Status> {
    let config = request.config.ok_or_else(|| Status::invalid_argument("no config"))?;
    sound(&config)?;
    if !node::HANDLERS.contains(&request.runtime_handler.as_str()) {
        return Err(Status::not_found("no such runtime handler"));
    }
    if state.sandboxes.iter().any(|known| known.config.metadata == config.metadata) {
        return Err(Status::already_exists("a sandbox has this metadata"));
    }
    let id = state.new_id();
    let own_network = network(&config) != NamespaceMode::Node;
    if own_network {
        cni::add(state, &id)?;
    }
    // Its process comes after its network, and a failure gives the network back.
    if let Err(refused) = sysctls(&config) {
        if !state.switched("failed-sandbox-keeps-network") {
            cni::del(state, &id);
        }
        return Err(refused);
    }
    state.sandboxes.push(Sandbox {
        id: id.clone(),
        config,
        handler: request.runtime_handler,
        stopped: false,
        created_at: now(),
    });
    Ok(RunPodSandboxResponse { pod_sandbox_id: id })
}

/// Whether a sandbox can be run as it is asked for.
fn sound(config: &PodSandboxConfig) -> Result<(), Status> {
    let refuse = |why: &str| Err(Status::invalid_argument(why));
    let Some(metadata) = &config.metadata else { return refuse("no metadata") };
    if metadata.name.is_empty() || metadata.uid.is_empty() || metadata.namespace.is_empty() {
        return refuse("a part of the metadata is empty");
    }
    let own_network = network(config) != NamespaceMode::Node;
    if own_network && config.hostname.is_empty() {
        return refuse("no hostname");
    }
    if config.port_mappings.iter().any(|port| !(0..=65535).contains(&port.host_port)) {
        return refuse("a host_port that is no port");
    }
    let Some(linux) = &config.linux else { return Ok(()) };
    let Some(security) = &linux.security_context else { return Ok(()) };
    if security.run_as_group.is_some() && security.run_as_user.is_none() {
        return refuse("run_as_group without run_as_user");
    }
    match &security.seccomp {
        Some(profile)
            if profile.profile_type() == ProfileType::Localhost
                && !Path::new(&profile.localhost_ref).exists() =>
        {
            refuse("no such seccomp profile")
        }
        _ => Ok(()),
    }
}

/// Whether every sysctl is the pod's own.
fn sysctls(config: &PodSandboxConfig) -> Result<(), Status> {
    let own_network = network(config) != NamespaceMode::Node;
    let own = |name: &String| {
        OWN_SYSCTLS.iter().any(|start| name.starts_with(start))
            && (own_network || !name.starts_with("net."))
    };
    match config.linux.iter().flat_map(|linux| linux.sysctls.keys()).all(own) {
        true => Ok(()),
        false => Err(Status::invalid_argument("a sysctl that is not the pod's own")),
    }
}

fn options(linux: Option<&LinuxPodSandboxConfig>) -> Option<&NamespaceOption> {
    linux?.security_context.as_ref()?.namespace_options.as_ref()
}

fn network(config: &PodSandboxConfig) -> NamespaceMode {
    options(config.linux.as_ref()).map_or(NamespaceMode::Pod, NamespaceOption::network)
}

/// The sandbox of that id.
pub fn find<'a>(state: &'a State, id: &str) -> Result<&'a Sandbox, Status> {
    state
        .sandboxes
        .iter()
        .find(|sandbox| sandbox.id == id)
        .ok_or_else(|| Status::not_found(format!("no sandbox `{id}`")))
}

pub fn stop(
    state: &mut State,
    request: StopPodSandboxRequest,
) -> Result<StopPodSandboxResponse, Status> {
    let id = request.pod_sandbox_id;
    state.follow(&id);
    containers::kill(state, |container| container.sandbox == id);
    cni::del(state, &id);
    for sandbox in state.sandboxes.iter_mut().filter(|sandbox| sandbox.id == id) {
        sandbox.stopped = true;
    }
    Ok(StopPodSandboxResponse::default())
}

pub fn remove(
    state: &mut State,
    request: RemovePodSandboxRequest,
) -> Result<RemovePodSandboxResponse, Status> {
    let id = request.pod_sandbox_id;
    state.follow(&id);
    containers::kill(state, |container| container.sandbox == id);
    cni::del(state, &id);
    if !state.switched("containers-outlive-sandbox") {
        state.containers.retain(|container| container.sandbox != id);
    }
    state.sandboxes.retain(|sandbox| sandbox.id != id);
    Ok(RemovePodSandboxResponse::default())
}

pub fn status(
    state: &mut State,
    request: PodSandboxStatusRequest,
) -> Result<PodSandboxStatusResponse, Status> {
    let sandbox = find(state, &request.pod_sandbox_id)?;
    Ok(PodSandboxStatusResponse {
        status: Some(status_of(sandbox)),
        info: node::info(request.verbose),
        containers_statuses: containers::statuses_in(state, &sandbox.id),
        timestamp: now(),
    })
}

/// The status of a sandbox.
pub fn status_of(sandbox: &Sandbox) -> PodSandboxStatus {
    let config = &sandbox.config;
    let ip = match network(config) {
        NamespaceMode::Node => String::new(),
        _ => "10.0.0.2".into(),
    };
    let network =
        (!ip.is_empty()).then(|| PodSandboxNetworkStatus { ip, additional_ips: Vec::new() });
    let namespaces = Namespace { options: options(config.linux.as_ref()).cloned() };
    PodSandboxStatus {
        id: sandbox.id.clone(),
        metadata: config.metadata.clone(),
        state: sandbox.state().into(),
        created_at: sandbox.created_at,
        network,
        linux: Some(LinuxPodSandboxStatus { namespaces: Some(namespaces) }),
        labels: config.labels.clone(),
        annotations: config.annotations.clone(),
        runtime_handler: sandbox.handler.clone(),
    }
}

pub fn list(
    state: &mut State,
    request: ListPodSandboxRequest,
) -> Result<ListPodSandboxResponse, Status> {
    let filter = request.filter.unwrap_or_default();
    let items = state.sandboxes.iter().filter(|sandbox| fits(&filter, sandbox)).map(item).collect();
    Ok(ListPodSandboxResponse { items })
}

/// Every field that is set must fit.
fn fits(filter: &PodSandboxFilter, sandbox: &Sandbox) -> bool {
    (filter.id.is_empty() || filter.id == sandbox.id)
        && filter.state.as_ref().is_none_or(|wanted| wanted.state() == sandbox.state())
        && has_labels(&sandbox.config.labels, &filter.label_selector)
}

/// Whether all the wanted labels are among those.
pub fn has_labels(labels: &HashMap<String, String>, wanted: &HashMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn item(sandbox: &Sandbox) -> PodSandbox {
    PodSandbox {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: sandbox.state().into(),
        created_at: sandbox.created_at,
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: sandbox.handler.clone(),
    }
}

pub fn update_resources(
    state: &mut State,
    request: UpdatePodSandboxResourcesRequest,
) -> Result<UpdatePodSandboxResourcesResponse, Status> {
    find(state, &request.pod_sandbox_id)?;
    Ok(UpdatePodSandboxResourcesResponse::default())
}
