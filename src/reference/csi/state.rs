//! What the driver knows: volumes, snapshots and groups, as they stand in state.json.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::capability::Capability;

/// Everything.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// By id.
    pub volumes: BTreeMap<String, Volume>,
    /// By id.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// By id.
    pub groups: BTreeMap<String, Group>,
    /// Seeded objects that were deleted, so that they do not come back.
    pub gone: BTreeSet<String>,
    /// What `list-keeps-deleted` and `get-deleted` need.
    pub deleted: BTreeMap<String, Volume>,
    /// The same for snapshots.
    pub deleted_snapshots: BTreeMap<String, Snapshot>,
    /// How often a driver was started on this state.
    pub starts: u64,
}

/// A volume. Its bytes are in a sparse file of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Volume {
    /// By which it was asked for.
    pub name: String,
    /// In bytes.
    pub capacity: i64,
    /// What it was made for; none means that it can be used in any way.
    pub capabilities: Vec<Capability>,
    /// As they were asked for.
    pub parameters: BTreeMap<String, String>,
    /// As they are now.
    pub mutable: BTreeMap<String, String>,
    /// What it was filled with.
    pub source: Option<Source>,
    /// Where it can be reached.
    pub zones: Vec<String>,
    /// By node id.
    pub attachments: BTreeMap<String, Use>,
    /// On this node.
    pub staged: Option<Staged>,
    /// The last loop device: another mount namespace may still hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_device: Option<u32>,
    /// On this node, by target path.
    pub published: BTreeMap<String, Published>,
    /// From the start, and as it was then: not written down.
    #[serde(skip)]
    pub seeded: bool,
    /// Of a defect: the capacity before the last expansion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_capacity: Option<i64>,
}

/// How a volume is used somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// As it was asked for.
    pub capability: Capability,
    /// As it was asked for.
    pub readonly: bool,
}

/// Where a volume is staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The staging path, or a folder of our own where the driver does not stage.
    pub path: String,
    /// As it was asked for.
    pub capability: Capability,
    /// Whether nothing may be written through it.
    pub readonly: bool,
    /// The loop device; none as long as staging has not come to its end.
    pub device: Option<u32>,
}

/// How a volume is published at a target path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// As it was asked for.
    pub capability: Capability,
    /// As it was asked for.
    pub readonly: bool,
    /// A read-only loop device of its own, for a block volume.
    pub device: Option<u32>,
    /// Whether publishing has come to its end.
    pub done: bool,
}

/// What a volume is filled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// By id.
    Snapshot(String),
    /// By id.
    Volume(String),
}

/// A snapshot. Its bytes are in a sparse file of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// By which it was asked for; empty for a member of a group.
    pub name: String,
    /// The volume's id.
    pub source: String,
    /// The volume's capacity when it was cut.
    pub size: i64,
    /// When it was cut: seconds and nanoseconds since 1970.
    pub cut: (i64, i32),
    /// As they were asked for.
    pub parameters: BTreeMap<String, String>,
    /// What its volume was made for.
    pub capabilities: Vec<Capability>,
    /// The group that it belongs to.
    pub group: Option<String>,
    /// From the start: not written down.
    #[serde(skip)]
    pub seeded: bool,
}

/// Snapshots that were cut together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// By which it was asked for.
    pub name: String,
    /// The snapshots' ids, in the order of their sources.
    pub members: Vec<String>,
    /// When it was cut.
    pub cut: (i64, i32),
    /// As they were asked for.
    pub parameters: BTreeMap<String, String>,
}

impl State {
    /// Counts the bytes that volumes and snapshots promise; seeded ones cost nothing.
    pub fn promised(&self) -> i64 {
        let volumes = self.volumes.values().filter(|v| !v.seeded).map(|v| v.capacity);
        let snapshots = self.snapshots.values().filter(|s| !s.seeded).map(|s| s.size);
        volumes.chain(snapshots).fold(0, i64::saturating_add)
    }

    /// Whether nothing is there but what is seeded.
    pub fn is_clean(&self) -> bool {
        self.volumes.values().all(|one| one.seeded)
            && self.snapshots.values().all(|one| one.seeded)
            && self.groups.is_empty()
    }

    /// The snapshots of a group, in its order.
    pub fn members<'a>(
        &'a self,
        group: &'a Group,
    ) -> impl Iterator<Item = (&'a str, &'a Snapshot)> {
        let find = |id: &'a String| Some((id.as_str(), self.snapshots.get(id)?));
        group.members.iter().filter_map(find)
    }
}

impl Volume {
    /// Whether anything uses it.
    pub fn in_use(&self) -> bool {
        !self.attachments.is_empty() || self.on_node()
    }

    /// Whether it is staged or published here.
    pub fn on_node(&self) -> bool {
        self.staged.is_some() || !self.published.is_empty()
    }
}
