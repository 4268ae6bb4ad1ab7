//! Volumes and snapshots of somebody else, which are there from the start.

use std::collections::BTreeMap;

use super::{
    capability::{Access, Capability},
    capacity, parameters,
    state::{Snapshot, State, Volume},
    topology,
};

/// How many of them. They cost nothing until they are used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed {
    /// Volumes, `foreign-vol-00000` and on.
    pub volumes: u32,
    /// Snapshots, `foreign-snap-00000` and on.
    pub snapshots: u32,
    /// Whether there are volumes with a file system.
    pub mounts: bool,
    /// Whether there are block volumes: every tenth is one, or all if there are no others.
    pub blocks: bool,
}

impl Seed {
    /// Adds those that are neither changed nor deleted.
    pub fn sow(self, state: &mut State) {
        for number in 0..self.volumes {
            let id = format!("foreign-vol-{number:05}");
            if !state.gone.contains(&id) {
                state.volumes.entry(id).or_insert_with(|| self.volume(number));
            }
        }
        for number in 0..self.snapshots {
            let id = format!("foreign-snap-{number:05}");
            if !state.gone.contains(&id) {
                state.snapshots.entry(id).or_insert_with(|| snapshot(number, self.volumes));
            }
        }
    }
}

impl Seed {
    fn volume(self, number: u32) -> Volume {
        let block = !self.mounts || (self.blocks && number.is_multiple_of(10));
        let capability = |mode| Capability {
            access: if block { Access::Block } else { Access::any_mount() },
            mode,
        };
        Volume {
            name: format!("pvc-of-somebody-else-{number:05}"),
            capacity: capacity::DEFAULT,
            capabilities: (1..=7).map(capability).collect(),
            parameters: parameters::defaults(),
            zones: topology::everywhere(),
            seeded: true,
            ..Volume::default()
        }
    }
}

fn snapshot(number: u32, volumes: u32) -> Snapshot {
    Snapshot {
        name: format!("snapshot-of-somebody-else-{number:05}"),
        source: format!("foreign-vol-{:05}", number % volumes.max(1)),
        size: capacity::DEFAULT,
        cut: (1_700_000_000 + i64::from(number), 0),
        parameters: BTreeMap::new(),
        seeded: true,
        ..Snapshot::default()
    }
}
