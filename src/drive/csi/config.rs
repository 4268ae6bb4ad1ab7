//! What a user tells of a driver: flags, and one file with what a command line must not show.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

/// Keys with their values.
pub type Texts = BTreeMap<String, String>;

/// `--config FILE`, with the flags put over it. Everything may be left out; see docs/csi-driver.md.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What volumes are made with.
    pub parameters: Texts,
    /// Another set, which a volume with the first is not compatible with.
    pub other_parameters: Texts,
    /// Parameters that must be refused.
    pub bad_parameters: Texts,
    /// What may be changed of a volume.
    pub mutable_parameters: Texts,
    /// What may not be changed.
    pub bad_mutable_parameters: Texts,
    /// What snapshots are made with.
    pub snapshot_parameters: Texts,
    /// Snapshot parameters that must be refused.
    pub bad_snapshot_parameters: Texts,
    /// What group snapshots are made with.
    pub group_parameters: Texts,
    /// Another set, which a group snapshot with the first is not compatible with.
    pub other_group_parameters: Texts,
    /// Group snapshot parameters that must be refused.
    pub bad_group_parameters: Texts,
    /// The secrets of all rpcs together.
    pub secrets: Texts,
    /// Secrets that nobody has.
    pub wrong_secrets: Texts,
    /// Secrets of somebody who is known and may not.
    pub denied_secrets: Texts,
    /// `mount` or `block`; found out by a trial if it is not told.
    pub access_type: Option<AccessType>,
    /// The file system of mount volumes; the driver's choice if it is not told.
    pub fs_type: Option<String>,
    /// Flags of every mount.
    pub mount_flags: Vec<String>,
    /// The driver publishes volumes for reading alone: every publish is asked for so.
    pub read_only: bool,
    /// A capability that the driver does not have.
    pub unsupported_capability: Option<UnsupportedCapability>,
    /// The size of volumes in bytes; the driver's choice if it is not told.
    pub volume_size: Option<i64>,
    /// By how much volumes are expanded, in bytes; to twice the size if it is not told.
    pub expand_by: Option<i64>,
    /// The largest size that the driver makes.
    pub max_volume_size: Option<i64>,
    /// Segments of the places that volumes can be in; the first is this node's.
    pub topology: Vec<Texts>,
    /// Segments of a place without room.
    pub full_topology: Texts,
    /// Another node of the same cluster.
    pub second_node: Option<String>,
    /// A volume that exists, for drivers that make none.
    pub volume: Option<Volume>,
    /// Below which folder of the node staging and target paths are made.
    pub node_folder: Option<PathBuf>,
    /// Log files of the driver on this host.
    pub driver_logs: Vec<PathBuf>,
}

/// How a volume is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AccessType {
    /// With a file system.
    Mount,
    /// As a device.
    Block,
}

impl AccessType {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            AccessType::Mount => "mount",
            AccessType::Block => "block",
        }
    }
}

/// A capability that the driver does not have: unset parts are those of other volumes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsupportedCapability {
    /// `mount` or `block`
    pub access_type: Option<AccessType>,
    /// `MULTI_NODE_MULTI_WRITER`, …
    pub mode: Option<String>,
    /// Of a mount volume.
    pub fs_type: Option<String>,
}

/// A volume that the user made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// What the driver calls it.
    pub id: String,
    /// Its `volume_context`.
    #[serde(default)]
    pub context: Texts,
    /// Its size in bytes, 0 if it is not known.
    #[serde(default)]
    pub size: i64,
}
