//! ExecSync: plays the guest program inside a container, as far as checks look.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use stdcheck::proto::cri::v1::{
    ContainerConfig, ContainerState, ExecSyncRequest, ExecSyncResponse, Int64Value,
    LinuxContainerSecurityContext, PodSandboxConfig, security_profile::ProfileType,
};
use tonic::Status;

use super::{
    containers, inside, ports,
    program::{self, Printed, Program},
    sandboxes,
    state::{Container, State, Store},
};

/// As much of a stream as is returned.
const MOST: usize = 16 << 20;
/// The exit code of a command whose container ends.
const KILLED: i32 = 128 + 9;

/// Executes a command: it ends by itself, at its timeout, or with its container.
pub async fn exec_sync(
    store: &Store,
    request: ExecSyncRequest,
) -> Result<ExecSyncResponse, Status> {
    let (printed, lasts) = store.change(|state| execute(state, &request))?;
    let timeout = u64::try_from(request.timeout).ok().filter(|seconds| *seconds > 0);
    let timeout = timeout.map_or(Duration::MAX, Duration::from_secs);
    if !lasts.is_zero() {
        let container_ends = store.until(|state| !runs(state, &request.container_id));
        if tokio::time::timeout(lasts.min(timeout), container_ends).await.is_ok() {
            return Ok(ExecSyncResponse { exit_code: KILLED, ..ExecSyncResponse::default() });
        }
        if timeout < lasts {
            store.change(|state| time_out(state, &request))?;
            return Err(Status::deadline_exceeded("the command outlived its timeout"));
        }
    }
    let most = if store.state().switched("output-uncapped") { usize::MAX } else { MOST };
    let [stdout, stderr] = [printed.stdout, printed.stderr].map(|mut stream| {
        stream.truncate(most);
        stream
    });
    Ok(ExecSyncResponse { stdout, stderr, exit_code: printed.exit_code })
}

/// A command that outlived its timeout is gone, and its child with it, unless a defect is switched on.
fn time_out(state: &mut State, request: &ExecSyncRequest) -> Result<(), Status> {
    let words: Vec<&str> = request.cmd.iter().map(String::as_str).collect();
    let stay = |name| state.switched(name);
    let (command_stays, child_stays) =
        (stay("timed-out-command-stays"), stay("timed-out-child-stays"));
    let container = containers::find(state, &request.container_id)?;
    if command_stays {
        goes_on(container, &words);
    }
    if let (true, ["/guest", "keep-child", words @ ..]) = (child_stays, words.as_slice()) {
        goes_on(container, &child(words));
    }
    Ok(())
}

/// The guest as a child of itself.
fn child<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["/proc/self/exe"], words].concat()
}

fn goes_on(container: &mut Container, words: &[&str]) {
    container.beside.push(json!(words).to_string());
}

fn runs(state: &State, id: &str) -> bool {
    let mut containers = state.containers.iter();
    containers.any(|known| known.id == id && known.state() == ContainerState::ContainerRunning)
}

/// What a command prints, and how long it lasts.
fn execute(state: &mut State, request: &ExecSyncRequest) -> Result<(Printed, Duration), Status> {
    let container = containers::find(state, &request.container_id)?.clone();
    if container.state() != ContainerState::ContainerRunning {
        return Err(Status::failed_precondition("the container does not run"));
    }
    let sandbox = sandboxes::find(state, &container.sandbox)?.config.clone();
    let words: Vec<&str> = request.cmd.iter().map(String::as_str).collect();
    if let ["/guest", "leave-child", words @ ..] = words.as_slice() {
        goes_on(containers::find(state, &request.container_id)?, &child(words));
    }
    if let Some(known) = program::printed(&words) {
        return Ok(known);
    }
    let (lines, exit_code) = match words.as_slice() {
        ["/guest", "report", sysctls @ ..] => {
            (vec![report(&container.config, &sandbox, sysctls)], 0)
        }
        ["/guest", "processes"] => (vec![processes(&container, &words)], 0),
        ["/guest", "process", ids @ ..] => {
            (vec![described(&container, &words, ids, |name| state.switched(name))], 0)
        }
        ["/guest", "read", paths @ ..] => each(paths, |path| read(&container, path)),
        ["/guest", "stat", paths @ ..] => each(paths, |path| stat(&container.config, path)),
        ["/guest", "write", path, text] => match inside::root_is_writable(&container.config) {
            true => (vec![json!({ "path": path, "written": text.len() })], 0),
            false => (vec![json!({ "path": path, "error": "EROFS", "errno": 30 })], 1),
        },
        ["/guest", "connect", protocol, _, port, ..] => {
            let answers = ports::answers(state, &container.sandbox, protocol, port);
            (Vec::new(), i32::from(!answers))
        }
        ["/guest", ..] => (Vec::new(), 64),
        _ => return Err(Status::unknown("no such file")),
    };
    let stdout: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok((Printed { stdout: stdout.into(), exit_code, ..Printed::default() }, Duration::ZERO))
}

/// The first process, those that were left to go on, and the command that asks. Others, whose calls are not over,
/// are not told of.
fn processes(container: &Container, words: &[&str]) -> Value {
    let beside = container.beside.iter().map(|words| serde_json::from_str(words).expect("our own"));
    let all = [json!(container.words)].into_iter().chain(beside).chain([json!(words)]);
    let process = |(at, argv): (usize, Value)| json!({ "pid": at + 1, "ppid": 0, "state": "S", "argv": argv });
    all.enumerate().map(process).collect()
}

/// The command that asks is what the first process is, but for what a defect that is switched on makes different.
fn described(
    container: &Container,
    words: &[&str],
    ids: &[&str],
    differs: impl Fn(&str) -> bool,
) -> Value {
    let members = ids.iter().map(|id| {
        let mut value = match *id {
            "1" => process(container, json!(container.words), &|_| false),
            "self" => process(container, json!(words), &differs),
            _ => Value::Null,
        };
        // With a cgroup namespace that the command is in as well, and yet in a cgroup outside of it.
        if value.is_object() && differs("exec-outside-private-cgroup") {
            value["cgroup"] = json!([if *id == "self" { "0::/.." } else { "0::/" }]);
        }
        ((*id).to_owned(), value)
    });
    Value::Object(members.collect())
}

/// The ids of namespaces and the path of the cgroup are made up of the container's id.
fn process(container: &Container, argv: Value, differs: &dyn Fn(&str) -> bool) -> Value {
    let of_config = container.config.linux.as_ref();
    let security = of_config.and_then(|linux| linux.security_context.clone()).unwrap_or_default();
    let namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"].map(|name| {
        let of = if differs(&format!("exec-outside-{name}")) { "host" } else { &container.id };
        (name.to_owned(), json!(format!("{name}:[{of}]")))
    });
    let cgroup = if differs("exec-outside-cgroup") { "" } else { &container.id };
    json!({
        "argv": argv,
        "namespaces": serde_json::Map::from_iter(namespaces),
        "cgroup": [format!("0::/{cgroup}")],
        "status": status(&security, differs),
    })
}

fn status(security: &LinuxContainerSecurityContext, differs: &dyn Fn(&str) -> bool) -> Value {
    let four = |id: i64| [id; 4].map(|id| id.to_string()).join(" ");
    let id = |id: &Option<Int64Value>| id.as_ref().map_or(0, |id| id.value);
    let user = if differs("exec-as-root") { 0 } else { id(&security.run_as_user) };
    let group = if differs("exec-in-group-of-root") { 0 } else { id(&security.run_as_group) };
    let groups: Vec<String> = security.supplemental_groups.iter().map(i64::to_string).collect();
    let bounding =
        if differs("exec-with-all-powers") { "000001ffffffffff" } else { "00000000a80425fb" };
    let filtered = !differs("exec-without-filter")
        && security
            .seccomp
            .as_ref()
            .is_some_and(|profile| profile.profile_type() == ProfileType::RuntimeDefault);
    json!({
        "Uid": four(user),
        "Gid": four(group),
        "Groups": if differs("exec-without-groups") { String::new() } else { groups.join(" ") },
        "CapBnd": bounding,
        "CapPrm": if user == 0 { bounding } else { "0000000000000000" },
        "CapEff": if user == 0 { bounding } else { "0000000000000000" },
        "Seccomp": if filtered { "2" } else { "0" },
    })
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
    let user = inside::user(config).linux.unwrap_or_default();
    let [uid_map, gid_map] = inside::id_maps(config);
    json!({
        "hostname": sandbox.hostname,
        "env": environment,
        "uid": user.uid,
        "gid": user.gid,
        "groups": user.supplemental_groups,
        "uid_map": uid_map,
        "gid_map": gid_map,
        "mountinfo": inside::mountinfo(config),
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
            format!("{}SigIgn:\t{ignored}\n", inside::ids(&container.config))
        }
        "/proc/self/mountinfo" => inside::mountinfo(&container.config),
        path => inside::limit(&container.config, path)?,
    };
    Some(json!({ "path": path, "size": text.len(), "text": text }))
}

fn stat(config: &ContainerConfig, path: &str) -> Option<Value> {
    if let Some([uid, gid]) = inside::owner(config, path) {
        return Some(json!({ "path": path, "type": "directory", "uid": uid, "gid": gid }));
    }
    (path == "/proc/1/cwd").then(|| {
        let folder = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
        json!({ "path": path, "type": "symlink", "target": folder })
    })
}
