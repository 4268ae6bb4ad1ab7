//! Containers: create, start, stop, remove, status, list, stats.

use std::{sync::Arc, time::Duration};

use stdcheck::proto::cri::v1::{
    Container as Listed, ContainerAttributes, ContainerFilter, ContainerResources, ContainerState,
    ContainerStats, ContainerStatsRequest, ContainerStatsResponse, ContainerStatus,
    ContainerStatusRequest, ContainerStatusResponse, CreateContainerRequest,
    CreateContainerResponse, ImageSpec, ListContainerStatsRequest, ListContainerStatsResponse,
    ListContainersRequest, ListContainersResponse, RemoveContainerRequest, RemoveContainerResponse,
    ReopenContainerLogRequest, ReopenContainerLogResponse, Signal, StartContainerRequest,
    StartContainerResponse, StopContainerRequest, StopContainerResponse,
};
use tonic::Status;

use super::{
    images, inside, logs, node, ports,
    program::{self, Program},
    sandboxes,
    state::{Container, Sandbox, State, Store, now},
};

/// The exit code of a process that was killed.
const KILLED: i32 = 128 + 9;

impl Container {
    /// Its state by the interface.
    pub fn state(&self) -> ContainerState {
        match (self.started_at, self.finished_at) {
            (0, _) => ContainerState::ContainerCreated,
            (_, 0) => ContainerState::ContainerRunning,
            _ => ContainerState::ContainerExited,
        }
    }

    fn end(&mut self, exit_code: i32) {
        logs::close(&self.id);
        self.finished_at = now();
        self.exit_code = exit_code;
    }
}

pub fn create(
    state: &mut State,
    request: CreateContainerRequest,
) -> Result<CreateContainerResponse, Status> {
    let sandbox = sandboxes::find(state, &request.pod_sandbox_id)?;
    if sandbox.stopped {
        return Err(Status::failed_precondition("the sandbox was stopped"));
    }
    let config = request.config.ok_or_else(|| Status::invalid_argument("no config"))?;
    if config.metadata.as_ref().is_none_or(|metadata| metadata.name.is_empty()) {
        return Err(Status::invalid_argument("no metadata"));
    }
    let image = images::find(state, config.image.as_ref())
        .cloned()
        .ok_or_else(|| Status::not_found("no such image"))?;
    let security = config.linux.as_ref().and_then(|linux| linux.security_context.as_ref());
    if security.is_some_and(|security| security.privileged) && !is_privileged(sandbox) {
        return Err(Status::invalid_argument("privileged, in a sandbox that is not"));
    }
    let (folder, owner) = (sandbox.config.log_directory.clone(), sandbox.id.clone());
    let taken =
        |known: &Container| known.sandbox == owner && known.config.metadata == config.metadata;
    if state.containers.iter().any(taken) {
        return Err(Status::already_exists("a container has this name and attempt"));
    }
    let log = if folder.is_empty() || config.log_path.is_empty() {
        String::new()
    } else {
        format!("{folder}/{}", config.log_path)
    };
    // Docker's rule, which all runtimes have: a command of the config replaces both of the image's.
    let words = match (config.command.is_empty(), config.args.is_empty()) {
        (true, true) => [image.entrypoint, image.cmd].concat(),
        (true, false) => [image.entrypoint, config.args.clone()].concat(),
        (false, _) => [config.command.clone(), config.args.clone()].concat(),
    };
    let stop_signal = match (config.stop_signal(), image.stop_signal.as_str()) {
        (Signal::RuntimeDefault, "") => "SIGTERM",
        (Signal::RuntimeDefault, of_image) => of_image,
        (told, _) => told.as_str_name().trim_start_matches("SIGNAL_"),
    }
    .to_owned();
    let id = state.new_id();
    state.containers.push(Container {
        id: id.clone(),
        sandbox: owner,
        config,
        image: image.id,
        words,
        stop_signal,
        log,
        created_at: now(),
        ..Container::default()
    });
    Ok(CreateContainerResponse { container_id: id })
}

fn is_privileged(sandbox: &Sandbox) -> bool {
    let linux = sandbox.config.linux.as_ref();
    let security = linux.and_then(|linux| linux.security_context.as_ref());
    security.is_some_and(|security| security.privileged)
}

/// The container of that id.
pub fn find<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Container, Status> {
    state
        .containers
        .iter_mut()
        .find(|container| container.id == id)
        .ok_or_else(|| Status::not_found(format!("no container `{id}`")))
}

/// Starts the process. One that writes for a while does so beside.
pub async fn start(
    store: &Arc<Store>,
    request: StartContainerRequest,
) -> Result<StartContainerResponse, Status> {
    let started = store.change(|state| begin(state, &request.container_id))?;
    logs::count(store, &started);
    ports::open(store, &started);
    Ok(StartContainerResponse::default())
}

fn begin(state: &mut State, id: &str) -> Result<Container, Status> {
    let sandbox = find(state, id)?.sandbox.clone();
    if sandboxes::find(state, &sandbox)?.stopped {
        return Err(Status::failed_precondition("the sandbox was stopped"));
    }
    let switches = state.switches.clone();
    let container = find(state, id)?;
    if container.state() != ContainerState::ContainerCreated {
        return Err(Status::failed_precondition("it was started before"));
    }
    let (program, first_line) = program::of(&container.words);
    if program == Program::Missing {
        return Err(Status::unknown("no such file"));
    }
    container.started_at = now();
    logs::open(container, &switches);
    let words: Vec<&str> = container.words.iter().map(String::as_str).collect();
    match (program::printed(&words), first_line) {
        (Some((printed, Duration::ZERO)), _) => {
            logs::write(container, "stdout", &printed.stdout);
            logs::write(container, "stderr", &printed.stderr);
        }
        (_, Some(line)) => logs::write(container, "stdout", format!("{line}\n").as_bytes()),
        (_, None) => {}
    }
    match program {
        Program::Ends(code) => container.end(code),
        Program::Hogs => container.end(KILLED),
        _ => {}
    }
    Ok(container.clone())
}

/// The process of a container comes to its end, if it runs.
pub fn ends(state: &mut State, id: &str, exit_code: i32) {
    let running = |container: &&mut Container| {
        container.id == id && container.state() == ContainerState::ContainerRunning
    };
    if let Some(container) = state.containers.iter_mut().find(running) {
        container.end(exit_code);
    }
}

/// Only for a process that runs, as a runtime may: no other has output.
pub fn reopen_log(
    state: &mut State,
    request: ReopenContainerLogRequest,
) -> Result<ReopenContainerLogResponse, Status> {
    let id = &request.container_id;
    state.follow(id);
    let careless = state.switched("log-file-with-error");
    let always = state.switched("log-reopens-always");
    let container = find(state, id);
    let path = container.as_ref().ok().map(|container| container.log.clone());
    if careless && let Some(path) = path.or_else(|| logs::path(id)) {
        let _ = std::fs::File::create_new(path);
    }
    let container = container?;
    if container.state() != ContainerState::ContainerRunning && !always {
        return Err(Status::failed_precondition("the container does not run"));
    }
    logs::reopen(container).map_err(|error| Status::internal(error.to_string()))?;
    Ok(ReopenContainerLogResponse::default())
}

/// Ends processes at once.
pub fn kill(state: &mut State, which: impl Fn(&Container) -> bool) {
    for container in state.containers.iter_mut().filter(|container| which(container)) {
        if container.state() == ContainerState::ContainerRunning {
            container.end(KILLED);
        }
    }
}

/// Tells the process to end, waits for it, and kills it when the time is up. A second call may be
/// quicker: both see the end.
pub async fn stop(
    store: &Store,
    request: StopContainerRequest,
) -> Result<StopContainerResponse, Status> {
    let id = request.container_id;
    store.change(|state| {
        state.follow(&id);
        let running = |container: &&mut Container| {
            container.id == id && container.state() == ContainerState::ContainerRunning
        };
        for container in state.containers.iter_mut().filter(running) {
            if let (Program::Waits(code), _) = program::of(&container.words)
                && request.timeout > 0
            {
                let told = format!("signal {}\n", container.stop_signal);
                logs::write(container, "stdout", told.as_bytes());
                container.end(code);
            }
        }
        Ok(())
    })?;
    let running = |state: &State| {
        state.containers.iter().any(|container| {
            container.id == id && container.state() == ContainerState::ContainerRunning
        })
    };
    let patience = Duration::from_secs(u64::try_from(request.timeout).unwrap_or(0));
    if tokio::time::timeout(patience, store.until(|state| !running(state))).await.is_err() {
        store.change(|state| {
            kill(state, |container| container.id == id);
            Ok(())
        })?;
    }
    Ok(StopContainerResponse::default())
}

pub fn remove(
    state: &mut State,
    request: RemoveContainerRequest,
) -> Result<RemoveContainerResponse, Status> {
    state.follow(&request.container_id);
    kill(state, |container| container.id == request.container_id);
    if state.switched("log-removed")
        && let Ok(container) = find(state, &request.container_id)
    {
        let _ = std::fs::remove_file(&container.log);
    }
    state.containers.retain(|container| container.id != request.container_id);
    Ok(RemoveContainerResponse::default())
}

pub fn status(
    state: &mut State,
    request: ContainerStatusRequest,
) -> Result<ContainerStatusResponse, Status> {
    let container = find(state, &request.container_id)?;
    Ok(ContainerStatusResponse {
        status: Some(status_of(container)),
        info: node::info(request.verbose),
    })
}

/// The statuses of the containers of a sandbox.
pub fn statuses_in(state: &State, sandbox: &str) -> Vec<ContainerStatus> {
    state.containers.iter().filter(|one| one.sandbox == sandbox).map(status_of).collect()
}

/// The status of a container.
pub fn status_of(container: &Container) -> ContainerStatus {
    let config = &container.config;
    let reason = match (container.state(), program::of(&container.words).0, container.exit_code) {
        (ContainerState::ContainerExited, Program::Hogs, _) => "OOMKilled",
        (ContainerState::ContainerExited, _, 0) => "Completed",
        (ContainerState::ContainerExited, _, _) => "Error",
        _ => "",
    };
    let linux = config.linux.as_ref().and_then(|linux| linux.resources.clone());
    ContainerStatus {
        id: container.id.clone(),
        metadata: config.metadata.clone(),
        state: container.state().into(),
        created_at: container.created_at,
        started_at: container.started_at,
        finished_at: container.finished_at,
        exit_code: container.exit_code,
        image: Some(ImageSpec { image: container.image.clone(), ..ImageSpec::default() }),
        image_ref: container.image.clone(),
        reason: reason.into(),
        labels: config.labels.clone(),
        annotations: config.annotations.clone(),
        mounts: config.mounts.clone(),
        log_path: container.log.clone(),
        resources: linux.map(|linux| ContainerResources { linux: Some(linux), windows: None }),
        image_id: container.image.clone(),
        stop_signal: Signal::from_str_name(&format!("SIGNAL_{}", container.stop_signal))
            .unwrap_or(Signal::RuntimeDefault)
            .into(),
        user: Some(inside::user(config)),
        ..ContainerStatus::default()
    }
}

pub fn list(
    state: &mut State,
    request: ListContainersRequest,
) -> Result<ListContainersResponse, Status> {
    let filter = request.filter.unwrap_or_default();
    let fitting = state.containers.iter().filter(|container| fits(&filter, container));
    Ok(ListContainersResponse { containers: fitting.map(listed).collect() })
}

/// Every field that is set must fit.
fn fits(filter: &ContainerFilter, container: &Container) -> bool {
    (filter.id.is_empty() || filter.id == container.id)
        && filter.state.as_ref().is_none_or(|wanted| wanted.state() == container.state())
        && (filter.pod_sandbox_id.is_empty() || filter.pod_sandbox_id == container.sandbox)
        && sandboxes::has_labels(&container.config.labels, &filter.label_selector)
}

fn listed(container: &Container) -> Listed {
    Listed {
        id: container.id.clone(),
        pod_sandbox_id: container.sandbox.clone(),
        metadata: container.config.metadata.clone(),
        image: Some(ImageSpec { image: container.image.clone(), ..ImageSpec::default() }),
        image_ref: container.image.clone(),
        state: container.state().into(),
        created_at: container.created_at,
        labels: container.config.labels.clone(),
        annotations: container.config.annotations.clone(),
        image_id: container.image.clone(),
    }
}

pub fn stats(
    state: &mut State,
    request: ContainerStatsRequest,
) -> Result<ContainerStatsResponse, Status> {
    let container = find(state, &request.container_id)?;
    Ok(ContainerStatsResponse { stats: Some(stats_of(container)) })
}

pub fn list_stats(
    state: &mut State,
    request: ListContainerStatsRequest,
) -> Result<ListContainerStatsResponse, Status> {
    let filter = request.filter.unwrap_or_default();
    let filter = ContainerFilter {
        id: filter.id,
        pod_sandbox_id: filter.pod_sandbox_id,
        label_selector: filter.label_selector,
        state: None,
    };
    let fitting = state.containers.iter().filter(|container| fits(&filter, container));
    Ok(ListContainerStatsResponse { stats: fitting.map(stats_of).collect() })
}

fn stats_of(container: &Container) -> ContainerStats {
    let attributes = ContainerAttributes {
        id: container.id.clone(),
        metadata: container.config.metadata.clone(),
        labels: container.config.labels.clone(),
        annotations: container.config.annotations.clone(),
    };
    ContainerStats { attributes: Some(attributes), ..ContainerStats::default() }
}
