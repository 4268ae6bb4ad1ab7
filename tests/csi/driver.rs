//! The reference driver as a process of its own, and what it holds.

use std::{
    collections::BTreeSet,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use prost_reflect::DynamicMessage;
use stdcheck::{
    drive::{
        clock::PendingClock,
        grpc::{Endpoint, Grpc},
    },
    suite::rpc,
};

use crate::harness::Bench;

const PATIENCE: Duration = Duration::from_secs(60);

/// Says why nothing can be mounted here, if so.
pub fn missing() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    let loops = Path::new("/dev/loop-control").exists();
    if !root || !loops {
        println!("SKIPPED: mounting volumes takes root and loop devices");
    }
    !root || !loops
}

/// A driver that runs until it is dropped.
pub struct Driver {
    child: Child,
    socket: PathBuf,
}

impl Driver {
    /// Starts one with its state in the bench; when this returns, it can be connected to.
    pub fn start(bench: &Bench, arguments: &[&str]) -> Driver {
        Driver::start_as("driver", bench, arguments)
    }

    /// The same with a name for its socket: several share the state.
    pub fn start_as(name: &str, bench: &Bench, arguments: &[&str]) -> Driver {
        let socket = bench.file(&format!("{name}.sock"));
        let endpoint = format!("--endpoint=unix://{}", socket.display());
        let state = format!("--state={}", bench.file("state").display());
        let mut all = vec!["reference", "csi", &endpoint, &state];
        all.extend(arguments);
        let child = bench.command(all).stdout(Stdio::null()).spawn().expect("it can be started");
        let driver = Driver { child, socket };
        let begin = Instant::now();
        while UnixStream::connect(&driver.socket).is_err() {
            assert!(begin.elapsed() < PATIENCE, "it does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        driver
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The ids of the volumes and snapshots that it lists.
    pub fn holds(&self) -> BTreeSet<String> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let endpoint: Endpoint = self.endpoint().parse().expect("an endpoint");
            let grpc = Grpc::new(endpoint, PendingClock::default());
            let mut ids = BTreeSet::new();
            for (name, object, id) in [
                ("Controller/ListVolumes", "volume", "volume_id"),
                ("Controller/ListSnapshots", "snapshot", "snapshot_id"),
            ] {
                let method = rpc::find("csi.v1", name).expect("an rpc");
                let request = DynamicMessage::new(method.input());
                let answer = grpc.call(&method, &request, PATIENCE).await;
                let reply =
                    answer.reply().cloned().unwrap_or_else(|| panic!("{name}: {}", answer.message));
                let reply = serde_json::to_value(&reply).expect("JSON");
                for entry in reply["entries"].as_array().into_iter().flatten() {
                    // protobuf's JSON has its own case.
                    let camel = id.replace("_id", "Id");
                    ids.insert(entry[object][camel].as_str().expect("an id").to_owned());
                }
            }
            ids
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Mounts and loop devices of this host that a bench has to do with.
pub fn traces_of(bench: &Bench) -> Vec<String> {
    let folder = bench.path().display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("there is /proc");
    let mut traces: Vec<String> =
        mounts.lines().filter(|line| line.contains(&folder)).map(str::to_owned).collect();
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
    for device in devices {
        let backing = device.path().join("loop/backing_file");
        let backing = std::fs::read_to_string(backing).unwrap_or_default();
        if backing.contains(&folder) {
            traces.push(backing);
        }
    }
    traces
}
