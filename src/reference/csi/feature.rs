//! What the driver can do: capabilities that can be taken away one by one.

use std::collections::BTreeSet;

use clap::ValueEnum;

/// One capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Feature {
    /// The Controller service
    Controller,
    /// The Node service
    Node,
    /// CREATE_DELETE_VOLUME
    CreateDelete,
    /// PUBLISH_UNPUBLISH_VOLUME
    Publish,
    /// LIST_VOLUMES
    ListVolumes,
    /// LIST_VOLUMES_PUBLISHED_NODES
    PublishedNodes,
    /// GET_CAPACITY
    GetCapacity,
    /// CREATE_DELETE_SNAPSHOT
    Snapshots,
    /// LIST_SNAPSHOTS
    ListSnapshots,
    /// GET_SNAPSHOT
    GetSnapshot,
    /// CLONE_VOLUME
    Clone,
    /// PUBLISH_READONLY
    PublishReadonly,
    /// EXPAND_VOLUME of the controller
    Expand,
    /// EXPAND_VOLUME of the node
    NodeExpand,
    /// GET_VOLUME
    GetVolume,
    /// VOLUME_CONDITION of controller and node
    VolumeCondition,
    /// SINGLE_NODE_MULTI_WRITER of controller and node
    SingleNodeMultiWriter,
    /// MODIFY_VOLUME
    Modify,
    /// STAGE_UNSTAGE_VOLUME
    Stage,
    /// GET_VOLUME_STATS
    Stats,
    /// VOLUME_MOUNT_GROUP
    MountGroup,
    /// The GroupController service
    Group,
    /// The SnapshotMetadata service
    Metadata,
    /// VOLUME_ACCESSIBILITY_CONSTRAINTS
    Topology,
    /// Volumes grow while they are in use
    Online,
    /// Volumes grow while they are not in use
    Offline,
    /// Volumes with a file system
    Mount,
    /// Volumes that are block devices
    Block,
}

/// Which drivers one instance stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Everything
    All,
    /// No controller of any kind: volumes are there already
    NodeOnly,
    /// No Node service
    ControllerOnly,
    /// Volumes are neither made nor deleted
    NoCreateDelete,
    /// Volumes are published without having been staged
    NoStage,
    /// Block volumes alone
    BlockOnly,
    /// Nothing is listed
    NoList,
}

use Feature::*;

/// What needs the Controller service.
const OF_CONTROLLER: &[Feature] = &[
    CreateDelete,
    Publish,
    ListVolumes,
    PublishedNodes,
    GetCapacity,
    Snapshots,
    ListSnapshots,
    GetSnapshot,
    Clone,
    PublishReadonly,
    Expand,
    GetVolume,
    Modify,
];

/// What needs the Node service.
const OF_NODE: &[Feature] = &[NodeExpand, Stage, Stats, MountGroup];

/// A feature that makes no sense, or is not allowed, without at least one of others.
const NEEDS: &[(Feature, &[Feature])] = &[
    (Clone, &[CreateDelete]),
    (Snapshots, &[CreateDelete]),
    (PublishedNodes, &[Publish]),
    (PublishedNodes, &[ListVolumes, GetVolume]),
    (PublishReadonly, &[Publish]),
    (GetSnapshot, &[Snapshots, Group]),
    (ListSnapshots, &[Snapshots, Group]),
    (Metadata, &[Snapshots, Group]),
    (Online, &[Expand, NodeExpand]),
    (Offline, &[Expand]),
    (MountGroup, &[Mount]),
];

/// The capabilities of one driver.
#[derive(Debug, Clone)]
pub struct Features(BTreeSet<Feature>);

impl Features {
    /// All that a preset or a list names, less what is taken away and what cannot be without it.
    pub fn new(preset: Preset, only: &[Feature], without: &[Feature]) -> Self {
        let mut set: BTreeSet<Feature> = if only.is_empty() {
            Feature::value_variants().iter().copied().collect()
        } else {
            only.iter().copied().collect()
        };
        let away: &[Feature] = match preset {
            Preset::All => &[],
            Preset::NodeOnly => &[Controller, Group, Metadata, Topology],
            Preset::ControllerOnly => &[Node],
            Preset::NoCreateDelete => &[CreateDelete],
            Preset::NoStage => &[Stage],
            Preset::BlockOnly => &[Mount],
            Preset::NoList => &[ListVolumes, ListSnapshots],
        };
        set.retain(|feature| !away.contains(feature) && !without.contains(feature));
        let mut features = Self(set);
        features.settle();
        features
    }

    /// Whether this one is on.
    pub fn has(&self, feature: Feature) -> bool {
        self.0.contains(&feature)
    }

    /// Takes one away, with what depends on it.
    pub fn remove(&mut self, feature: Feature) {
        self.0.remove(&feature);
        self.settle();
    }

    fn settle(&mut self) {
        if !self.has(Controller) {
            self.0.retain(|feature| !OF_CONTROLLER.contains(feature));
        }
        if !self.has(Node) {
            self.0.retain(|feature| !OF_NODE.contains(feature));
        }
        for (feature, needed) in NEEDS {
            if !needed.iter().any(|one| self.has(*one)) {
                self.0.remove(feature);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_leave_nothing_that_depends_on_what_they_take() {
        let node = Features::new(Preset::NodeOnly, &[], &[]);
        assert!(node.has(Stage) && node.has(NodeExpand) && node.has(Online));
        assert!(!node.has(CreateDelete) && !node.has(Offline) && !node.has(PublishedNodes));
        let block = Features::new(Preset::BlockOnly, &[], &[]);
        assert!(!block.has(MountGroup) && block.has(Clone));
    }
}
