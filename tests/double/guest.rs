//! ExecSync: plays the guest program inside a container, as far as checks look.

use base64::Engine as _;
use serde_json::{Value, json};
use stdcheck::proto::cri::v1::{
    ContainerConfig, ContainerState, ExecSyncRequest, ExecSyncResponse, PodSandboxConfig,
};
use tonic::Status;

use super::{
    containers,
    program::{self, Program},
    sandboxes,
    state::{Container, State},
};

pub fn exec_sync(state: &mut State, request: ExecSyncRequest) -> Result<ExecSyncResponse, Status> {
    let container = containers::find(state, &request.container_id)?.clone();
    if container.state() != ContainerState::ContainerRunning {
        return Err(Status::failed_precondition("the container does not run"));
    }
    let sandbox = &sandboxes::find(state, &container.sandbox)?.config;
    let words: Vec<&str> = request.cmd.iter().map(String::as_str).collect();
    let (lines, exit_code) = match words.as_slice() {
        ["/guest", "report", sysctls @ ..] => {
            (vec![report(&container.config, sandbox, sysctls)], 0)
        }
        ["/guest", "read", paths @ ..] => each(paths, |path| read(&container, path)),
        ["/guest", "stat", paths @ ..] => each(paths, |path| stat(&container.config, path)),
        ["/guest", "write", path, text] => {
            (vec![json!({ "path": path, "written": text.len() })], 0)
        }
        ["/guest", "sleep", _] => (Vec::new(), 0),
        ["/guest", ..] => (Vec::new(), 64),
        _ => return Err(Status::unknown("no such file")),
    };
    let stdout: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok(ExecSyncResponse { stdout: stdout.into(), stderr: Vec::new(), exit_code })
}

/// One line for each path; exit code 1 if any is not there.
fn each(paths: &[&str], look: impl Fn(&str) -> Option<Value>) -> (Vec<Value>, i32) {
    let found: Vec<Option<Value>> = paths.iter().map(|path| look(path)).collect();
    let exit_code = i32::from(found.iter().any(Option::is_none));
    let missing = |path: &str| json!({ "path": path, "error": "ENOENT", "errno": 2 });
    let lines =
        found.into_iter().zip(paths).map(|(line, path)| line.unwrap_or_else(|| missing(path)));
    (lines.collect(), exit_code)
}

fn report(config: &ContainerConfig, sandbox: &PodSandboxConfig, sysctls: &[&str]) -> Value {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let environment: Vec<Value> = config
        .envs
        .iter()
        .map(|entry| json!([base64(entry.key.as_bytes()), base64(entry.value.as_ref())]))
        .collect();
    let linux = sandbox.linux.as_ref();
    let of_pod = linux.map(|linux| linux.sysctls.clone()).unwrap_or_default();
    let known = |name: &&str| (name.to_string(), json!(of_pod.get(*name).map_or("60", |v| v)));
    let values: serde_json::Map<String, Value> = sysctls.iter().map(known).collect();
    let dns = sandbox.dns_config.clone().unwrap_or_default();
    let mut resolv_conf: String =
        dns.servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    resolv_conf +=
        &format!("search {}\noptions {}\n", dns.searches.join(" "), dns.options.join(" "));
    json!({
        "hostname": sandbox.hostname,
        "env": environment,
        "uid": 0,
        "groups": [],
        "resolv_conf": resolv_conf,
        "sysctl": values,
    })
}

fn read(container: &Container, path: &str) -> Option<Value> {
    let text = match path {
        "/proc/1/environ" => container
            .config
            .envs
            .iter()
            .map(|entry| {
                format!("{}={}\0", entry.key, String::from_utf8_lossy(entry.value.as_ref()))
            })
            .collect(),
        "/proc/1/status" => {
            let ignored = match program::of(&container.words).0 {
                Program::Stubborn => "fffffffe7ffbfeff",
                _ => "0000000000000000",
            };
            format!("Uid:\t0\t0\t0\t0\nSigIgn:\t{ignored}\n")
        }
        // It has no cgroup: what it would see there cannot be told.
        _ => return None,
    };
    Some(json!({ "path": path, "size": text.len(), "text": text }))
}

fn stat(config: &ContainerConfig, path: &str) -> Option<Value> {
    (path == "/proc/1/cwd").then(|| {
        let folder = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
        json!({ "path": path, "type": "symlink", "target": folder })
    })
}
