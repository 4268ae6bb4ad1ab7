//! What the double holds, and the one lock around it.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use stdcheck::proto::cri::v1::{ContainerConfig, PodSandboxConfig, PodSandboxState};
use tokio::sync::watch;
use tonic::Status;

/// Everything that a runtime remembers. A protobuf message, so that it can be kept in a file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct State {
    /// Pod sandboxes that were run and not removed.
    #[prost(message, repeated, tag = "1")]
    pub sandboxes: Vec<Sandbox>,
    /// Containers that were created and not removed.
    #[prost(message, repeated, tag = "2")]
    pub containers: Vec<Container>,
    /// Images on the node.
    #[prost(message, repeated, tag = "3")]
    pub images: Vec<Image>,
    /// How many ids were given out.
    #[prost(uint64, tag = "4")]
    pub ids: u64,
    /// Ways to be dishonest that only the inside of the double can show: `rule` turns them on.
    #[prost(string, repeated, tag = "5")]
    pub switches: Vec<String>,
    /// Its folders of a pod network, where it was given any.
    #[prost(message, optional, tag = "20")]
    pub network: Option<Network>,
}

/// Where a runtime finds its pod network.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Network {
    /// The folder of configurations.
    #[prost(string, tag = "1")]
    pub conf: String,
    /// The folder of plugins.
    #[prost(string, tag = "2")]
    pub bin: String,
}

/// A pod sandbox.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sandbox {
    /// Given by us.
    #[prost(string, tag = "1")]
    pub id: String,
    /// As it was asked for.
    #[prost(message, required, tag = "2")]
    pub config: PodSandboxConfig,
    /// The handler that was asked for.
    #[prost(string, tag = "3")]
    pub handler: String,
    /// READY until it is stopped.
    #[prost(bool, tag = "4")]
    pub stopped: bool,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "5")]
    pub created_at: i64,
}

impl Sandbox {
    /// Its state by the interface.
    pub fn state(&self) -> PodSandboxState {
        if self.stopped { PodSandboxState::SandboxNotready } else { PodSandboxState::SandboxReady }
    }
}

/// A container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Container {
    /// Given by us.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The sandbox that it lives in.
    #[prost(string, tag = "2")]
    pub sandbox: String,
    /// As it was asked for.
    #[prost(message, required, tag = "3")]
    pub config: ContainerConfig,
    /// The image's id.
    #[prost(string, tag = "4")]
    pub image: String,
    /// Where its log is, empty for none.
    #[prost(string, tag = "5")]
    pub log: String,
    /// Nanoseconds since 1970; zero for never.
    #[prost(int64, tag = "6")]
    pub created_at: i64,
    /// The same.
    #[prost(int64, tag = "7")]
    pub started_at: i64,
    /// The same.
    #[prost(int64, tag = "8")]
    pub finished_at: i64,
    /// Of its first process.
    #[prost(int32, tag = "9")]
    pub exit_code: i32,
    /// What is executed: the image's words where the config has none.
    #[prost(string, repeated, tag = "10")]
    pub words: Vec<String>,
    /// The signal that tells it to end: `SIGTERM`.
    #[prost(string, tag = "11")]
    pub stop_signal: String,
    /// Processes beside the first that go on: the words of each, as a JSON array.
    #[prost(string, repeated, tag = "16")]
    pub beside: Vec<String>,
}

/// An image.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// `sha256:…`
    #[prost(string, tag = "1")]
    pub id: String,
    /// The references that it was pulled by.
    #[prost(string, repeated, tag = "2")]
    pub tags: Vec<String>,
    /// ENTRYPOINT, where it is known.
    #[prost(string, repeated, tag = "3")]
    pub entrypoint: Vec<String>,
    /// CMD.
    #[prost(string, repeated, tag = "4")]
    pub cmd: Vec<String>,
    /// STOPSIGNAL.
    #[prost(string, tag = "5")]
    pub stop_signal: String,
    /// Its names with digests.
    #[prost(string, repeated, tag = "6")]
    pub digests: Vec<String>,
    /// The digests of its layers.
    #[prost(string, repeated, tag = "7")]
    pub layers: Vec<String>,
    /// In bytes.
    #[prost(uint64, tag = "8")]
    pub size: u64,
    /// USER.
    #[prost(string, tag = "9")]
    pub user: String,
    /// Those that it was pulled with.
    #[prost(map = "string, string", tag = "10")]
    pub annotations: HashMap<String, String>,
}

impl State {
    /// An id that nothing had before, in this life or an earlier one.
    pub fn new_id(&mut self) -> String {
        self.ids += 1;
        digest(&format!("{} {}", self.ids, now()))
    }

    /// Whether a switch is on.
    pub fn switched(&self, name: &str) -> bool {
        self.switches.iter().any(|known| known == name)
    }

    /// Takes an id for a path, and away what is there, where that defect is switched on.
    pub fn follow(&self, id: &str) {
        if self.switched("ids-are-paths") && id.contains('/') {
            let _ = std::fs::remove_file(id);
            let _ = std::fs::remove_dir_all(id);
        }
    }

    /// How many sandboxes, containers and images there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.sandboxes.len(), self.containers.len(), self.images.len())
    }
}

/// The id of the image that a reference stands for.
pub fn image_id(reference: &str) -> String {
    format!("sha256:{}", digest(reference))
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_nanos()).expect("a clock before 2262")
}

/// The state behind its lock, told of when it changes, and kept in a file where there is one.
pub struct Store {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    file: Option<PathBuf>,
    /// By what is waited for.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Store {
    /// An empty one, or what the file holds.
    pub fn new(file: Option<PathBuf>) -> Store {
        let kept = file.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
        let state = State::decode(kept.as_slice()).expect("the file is what we wrote");
        Store {
            state: Mutex::new(state),
            changed: watch::channel(()).0,
            file,
            turns: Mutex::default(),
        }
    }

    /// What those take hold of who may only do one thing after the other.
    pub fn turn(&self, of: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(of.to_owned()).or_default().clone()
    }

    /// Works on the state; a refusal leaves it as it was.
    pub fn change<T>(
        &self,
        work: impl FnOnce(&mut State) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = state.clone();
        let result = work(&mut next)?;
        if *state != next {
            *state = next;
            if let Some(file) = &self.file {
                // Renamed, so that a death in the middle leaves the old state whole.
                let beside = file.with_extension("new");
                std::fs::write(&beside, state.encode_to_vec()).expect("the folder is ours");
                std::fs::rename(&beside, file).expect("the folder is ours");
            }
            self.changed.send_replace(());
        }
        Ok(result)
    }

    /// Puts something there that no rpc made.
    pub fn put(&self, work: impl FnOnce(&mut State)) {
        let put = |state: &mut State| {
            work(state);
            Ok(())
        };
        self.change(put).expect("no refusal in it");
    }

    /// What there is now.
    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of every change from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until something holds.
    pub async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(&self.state()) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}
