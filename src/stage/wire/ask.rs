//! The questions.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::Bytes;

/// What a stage can be asked. `namespace: None` is always the stage's own, the plugins' host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// The first one: makes the stage.
    Setup(Setup),
    /// Executes programs side by side.
    Exec(Vec<Execution>),
    /// A network namespace at `/run/netns/NAME`, with all links down.
    MakeNamespace { name: String },
    /// Takes it away; the kernel removes its links a little later.
    RemoveNamespace { name: String },
    /// Takes the namespace away and leaves its file, as a crashed runtime does.
    StaleNamespace { name: String },
    /// All that the kernel tells of one namespace.
    Look { namespace: Option<String> },
    /// Remembers the whole state under a name.
    Mark { label: String },
    /// What is different since.
    Since(Since),
    /// Changes links, addresses and routes.
    LinkOp { namespace: Option<String>, op: LinkOp },
    /// Deletes all packet filter rules of the host.
    FlushRules,
    /// Looks at or changes files.
    File(FileOp),
    /// Reads a kernel setting, after writing it if there is a `value`.
    Sysctl { namespace: Option<String>, name: String, value: Option<String> },
    /// Whether one end comes through to another.
    Connect(Connect),
    /// Whether an echo comes back.
    Ping(Ping),
    /// How fast bytes come through.
    Throughput(Throughput),
    /// The namespace `world`, joined to the host from outside.
    World,
    /// Starts a process that goes on.
    StartDaemon(Daemon),
    /// SIGTERM, and SIGKILL if that does not help within two seconds.
    StopDaemon { id: u64 },
    /// Waits until something stands at the path.
    AwaitPath { path: PathBuf, timeout_ms: u64 },
}

/// How a stage is made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Setup {
    /// Folders that are empty on the stage, and whose files count as state of the plugins.
    pub state_folders: Vec<PathBuf>,
    /// Folders that are empty on the stage and do not count.
    pub scratch_folders: Vec<PathBuf>,
}

/// One execution of a program, in `/` and in a process group of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    /// Its path.
    pub program: PathBuf,
    /// Arguments behind the program's name.
    #[serde(default)]
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// What it can read.
    pub stdin: Bytes,
    /// Gives it one byte at a time, the next when it has taken the last.
    pub dribble: bool,
    /// When the group is killed.
    pub timeout_ms: u64,
    /// How much of each output is kept.
    pub cap: usize,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            program: PathBuf::new(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Bytes::default(),
            dribble: false,
            timeout_ms: 30_000,
            cap: 1 << 20,
        }
    }
}

/// A comparison with a mark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Since {
    /// The mark's name.
    pub label: String,
    /// Looks again for this long until nothing is different: the kernel takes some things away late.
    #[serde(default)]
    pub settle_ms: u64,
}

/// A change of one namespace's links, addresses or routes. `dev` is always the name of a link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LinkOp {
    /// A pair of links; the peer is in another namespace if that is given (`Some(None)`: the host).
    AddVeth {
        name: String,
        peer: String,
        peer_namespace: Option<String>,
    },
    /// A bridge.
    AddBridge {
        name: String,
    },
    /// Any kind of link: also to find out whether the kernel has it.
    AddKind(NewLink),
    Delete {
        dev: String,
    },
    Up {
        dev: String,
    },
    Down {
        dev: String,
    },
    SetMac {
        dev: String,
        mac: String,
    },
    SetMtu {
        dev: String,
        mtu: u32,
    },
    SetMaster {
        dev: String,
        master: Option<String>,
    },
    SetAlias {
        dev: String,
        alias: String,
    },
    Rename {
        dev: String,
        name: String,
    },
    /// Moves the link to another namespace (`None`: the host).
    Move {
        dev: String,
        to: Option<String>,
    },
    AddAddress {
        dev: String,
        address: String,
    },
    RemoveAddress {
        dev: String,
        address: String,
    },
    FlushAddresses {
        dev: String,
    },
    AddRoute {
        dst: String,
        gateway: Option<IpAddr>,
        dev: Option<String>,
        table: Option<u32>,
    },
    RemoveRoute {
        dst: String,
        table: Option<u32>,
    },
    /// A routing rule: what comes from `source` looks into `table`.
    AddRule {
        source: String,
        table: u32,
        priority: u32,
    },
    /// Deletes all routing rules but those of the kernel.
    FlushRules,
    DeleteQdiscs {
        dev: String,
    },
}

/// A link of any kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewLink {
    pub name: String,
    /// As the kernel calls it; `tap` and `tun` are made as well.
    pub kind: String,
    /// The link that it is made on: for macvlan, ipvlan, vlan.
    #[serde(default)]
    pub parent: Option<String>,
    /// The number of a vlan or vxlan, or the table of a vrf.
    #[serde(default)]
    pub id: Option<u32>,
}

/// A look at, or a change of, the stage's files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FileOp {
    Read {
        path: PathBuf,
    },
    /// Makes the folders that it needs.
    Write {
        path: PathBuf,
        bytes: Bytes,
        mode: u32,
    },
    /// A file, or a folder with all that is in it. What is not there is no mistake.
    Remove {
        path: PathBuf,
    },
    /// All paths below a folder; none if it does not exist.
    List {
        folder: PathBuf,
    },
    Stat {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
        mode: u32,
    },
}

/// How a connection is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// One listens, another connects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connect {
    pub protocol: Protocol,
    /// Where is listened.
    pub listen: Option<String>,
    pub listen_address: SocketAddr,
    /// From where is connected.
    pub from: Option<String>,
    /// The address that the connecting end has; else the kernel chooses.
    pub from_address: Option<IpAddr>,
    /// What is connected to: another address than the listener's where that is forwarded.
    pub dial_address: SocketAddr,
    pub timeout_ms: u64,
}

/// An echo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ping {
    pub from: Option<String>,
    pub to: IpAddr,
    pub timeout_ms: u64,
}

/// Bytes over one TCP connection, from the connecting end to the listening one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Throughput {
    pub listen: Option<String>,
    pub listen_address: SocketAddr,
    pub from: Option<String>,
    pub dial_address: SocketAddr,
    /// From the listening end to the connecting one.
    pub reverse: bool,
    pub bytes: u64,
    pub timeout_ms: u64,
}

/// A process that goes on beside the executions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Daemon {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
}
