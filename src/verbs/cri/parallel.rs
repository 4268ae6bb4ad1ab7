//! `cri.parallel_pods`: many pods at once, and what is left of them.

use std::time::Duration;

use futures_util::future::join_all;

use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb, cri::pid::of_sandbox},
};

/// The kernel takes namespaces and mounts down in its own time.
const SETTLING: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Runs pods with containers side by side, removes them, and tells what is left.
pub const PARALLEL_PODS: Verb = Verb {
    signature: Signature {
        name: "cri.parallel_pods",
        title: "pods that live and end at the same time, and what is left of them",
        params: &[
            Param { name: "pods", required: true, title: "how many at once" },
            Param { name: "containers", required: true, title: "how many in each" },
        ],
        reply: || {
            Type::members(
                ["pods", "containers", "network_namespaces", "mounts", "cgroups"]
                    .map(|name| (name, Type::List(Box::new(Type::Text)))),
            )
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(parallel(lane, params)) },
};

/// What carries our mark: ids of sandboxes and containers, and where their networks are mounted.
#[derive(Default)]
struct Ours {
    ids: Vec<String>,
    networks: Vec<String>,
}

async fn parallel(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let pods = params.number("pods")?;
    let containers = params.number("containers")?;
    let mut lanes: Vec<Lane> = (0..pods)
        .map(|_| {
            let mut own = Lane::new(&lane.run, &lane.owner);
            own.scope = lane.scope.clone();
            own
        })
        .collect();
    let lives = join_all(lanes.iter_mut().map(|own| live(own, containers))).await;
    // Whatever became of them, they are undone with the check.
    for own in lanes {
        lane.absorb(own);
    }
    let mut ours = Ours::default();
    for life in lives {
        let life = life?;
        ours.ids.extend(life.ids);
        ours.networks.extend(life.networks);
    }
    let begin = std::time::Instant::now();
    let _pending = lane.run.clock.start();
    let seen = lane.exchanges.len();
    loop {
        lane.exchanges.truncate(seen);
        let left = look(lane, &ours).await?;
        let clean = left.iter().all(|(_, what)| what.is_empty());
        if clean || begin.elapsed() > SETTLING {
            let members = left.into_iter().map(|(name, what)| (name, Value::from(what)));
            return Ok(value::map(members));
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// One pod's life; gives what will carry our mark.
async fn live(lane: &mut Lane, containers: i64) -> Result<Ours, Halt> {
    let mut ours = Ours::default();
    lane.rename();
    let sandbox = lane.base("RuntimeService/RunPodSandbox").await?;
    let id = |reply: &Value, field: &str| {
        value::member(reply, field).map(value::as_text).unwrap_or_default()
    };
    let sandbox_id = id(&sandbox.1, "pod_sandbox_id");
    let bound = value::map([("request", sandbox.0), ("reply", sandbox.1)]);
    lane.scope.insert("sandbox".into(), bound);
    ours.ids.push(sandbox_id.clone());
    // Only a namespace that a process of ours is in counts: others make some at the same time. Where
    // it is mounted is its name: the kernel gives inodes to the next one at once.
    if let Some(pid) = of_sandbox(lane, &sandbox_id).await?
        && let Ok(network) = std::fs::read_link(format!("/proc/{pid}/ns/net"))
    {
        ours.networks.extend(mounted_at(&mountinfo(lane), &network.display().to_string()));
    }
    for _ in 0..containers {
        lane.rename();
        let created = lane.base("RuntimeService/CreateContainer").await?.1;
        let container = id(&created, "container_id");
        let named = value::map([("container_id", Value::from(container.as_str()))]);
        lane.must("RuntimeService/StartContainer", named).await?;
        ours.ids.push(container);
    }
    let named = || value::map([("pod_sandbox_id", Value::from(sandbox_id.as_str()))]);
    lane.must("RuntimeService/StopPodSandbox", named()).await?;
    lane.must("RuntimeService/RemovePodSandbox", named()).await?;
    Ok(ours)
}

/// What is left of ours.
async fn look(lane: &mut Lane, ours: &Ours) -> Result<[(&'static str, Vec<String>); 5], Halt> {
    let nothing = || value::map(std::iter::empty::<(&str, Value)>());
    let pods = lane.must("RuntimeService/ListPodSandbox", nothing()).await?;
    let containers = lane.must("RuntimeService/ListContainers", nothing()).await?;
    let named = |text: &str| ours.ids.iter().any(|id| text.contains(id.as_str()));
    let listed = |list: &Value, field: &str| -> Vec<String> {
        match value::member(list, field) {
            Some(Value::List(items)) => items
                .iter()
                .filter_map(|item| value::member(item, "id").map(value::as_text))
                .filter(|id| ours.ids.contains(id))
                .collect(),
            _ => Vec::new(),
        }
    };
    let mountinfo = mountinfo(lane);
    let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_owned).collect();
    let namespaces = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|point| ours.networks.iter().any(|own| own == point))
        .collect();
    let mounts = mountinfo.lines().filter(|line| named(line)).collect();
    let cgroups = cgroup_folders().into_iter().filter(|path| named(path)).collect();
    Ok([
        ("pods", listed(&pods, "items")),
        ("containers", listed(&containers, "containers")),
        ("network_namespaces", owned(namespaces)),
        ("mounts", owned(mounts)),
        ("cgroups", cgroups),
    ])
}

/// The mounts of the target's process.
fn mountinfo(lane: &Lane) -> String {
    let Some(peer) = lane.run.drive.peer() else { return String::new() };
    std::fs::read_to_string(format!("/proc/{}/mountinfo", peer.pid)).unwrap_or_default()
}

/// The mount points of a namespace, by the name that the kernel gives it.
fn mounted_at(mountinfo: &str, namespace: &str) -> Vec<String> {
    mountinfo
        .lines()
        .filter(|line| line.split(' ').nth(3) == Some(namespace))
        .filter_map(|line| line.split(' ').nth(4).map(str::to_owned))
        .collect()
}

fn cgroup_folders() -> Vec<String> {
    fn walk(folder: &std::path::Path, depth: u8, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push(entry.path().display().to_string());
                walk(&entry.path(), depth - 1, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(std::path::Path::new("/sys/fs/cgroup"), 6, &mut found);
    found
}
