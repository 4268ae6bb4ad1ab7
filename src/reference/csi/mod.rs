//! A complete and honest CSI driver, for trying things out and for proving that checks can fail.
//!
//! Volumes are sparse files below one folder, attached to loop devices; everything else is real:
//! file systems, bind mounts, snapshots as copies at one moment. It knows all that the standard has,
//! and each capability can be taken away. Deliberate mistakes are switched on one by one.

mod call;
mod capability;
mod capacity;
mod controller;
mod cut;
mod daemon;
mod defect;
mod driver;
mod endpoint;
mod ext;
mod feature;
mod field;
mod group;
mod identity;
mod ids;
mod image;
mod locks;
mod loopdev;
mod metadata;
mod mounts;
mod node;
mod only;
mod page;
mod parameters;
mod refusal;
mod secret;
mod seed;
mod service;
mod start;
mod state;
mod store;
pub mod told;
mod topology;

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

pub use feature::{Feature, Preset};

/// What the driver is started with.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where to listen: unix:///path/to/csi.sock; else what $CSI_ENDPOINT says
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
    /// Where volumes and what is known of them are kept; else in a folder of its own
    /// below $TMPDIR, which goes when the driver stops and nothing is in it
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Who this node is
    #[arg(long, value_name = "ID", default_value = "node-1")]
    pub node_id: String,
    /// Other nodes that volumes can be published on, in the zones a, b, a, ... (this node is in a,
    /// and the first two others are in a and b)
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "node-2,node-3")]
    pub other_nodes: Vec<String>,
    /// The plugin's name
    #[arg(long, value_name = "NAME", default_value = "reference.stdcheck.dev")]
    pub name: String,
    /// What the driver is: a set of capabilities
    #[arg(long, value_name = "PRESET", default_value = "all")]
    pub preset: Preset,
    /// These capabilities only; all by default
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub capabilities: Vec<Feature>,
    /// Not these capabilities, nor what depends on them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub without: Vec<Feature>,
    /// Which of its services this instance serves: controller, node, group, metadata; all by default
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub serve: Vec<Feature>,
    /// How many volumes of somebody else there are from the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub foreign_volumes: u32,
    /// How many snapshots of somebody else there are from the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub foreign_snapshots: u32,
    /// A secret that calls have to hold
    #[arg(long, value_name = "KEY=VALUE")]
    pub require_secret: Vec<String>,
    /// A secret of somebody who may do nothing
    #[arg(long, value_name = "KEY=VALUE")]
    pub deny_secret: Vec<String>,
    /// How many volumes a node takes; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub volumes_limit: u32,
    /// The largest volume, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 30)]
    pub max_volume_size: u64,
    /// What all volumes and snapshots may have together, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    pub capacity: u64,
    /// A mistake to make (`list` shows all)
    #[arg(long, value_name = "NAME")]
    pub defect: Vec<String>,
    /// An rpc that never answers
    #[arg(long, value_name = "RPC")]
    pub hang: Vec<String>,
    /// An rpc that ends the process
    #[arg(long, value_name = "RPC")]
    pub die: Vec<String>,
    /// Do not log calls
    #[arg(long)]
    pub quiet: bool,
}

/// Serves until it is told to stop.
pub async fn serve(args: &Args, stop: CancellationToken) -> Result<(), String> {
    if args.defect.iter().any(|name| name == "list") {
        print!("{}", defect::list());
        return Ok(());
    }
    start::serve(args, stop).await
}
