//! What checks of a container runtime do and see with recording plugins in the place of its network's.

pub mod behave;
pub mod calls;
pub mod install;
mod log;

use std::path::PathBuf;

use super::{Done, Params, Verb};
use crate::run::Run;

/// Where the folders of a run's plugins are.
fn network_of(run: &Run) -> PathBuf {
    run.dir.join("network")
}

/// Where a run's `number`-th plugin, from 1 on, has its plan and its log.
fn folder_of(run: &Run, number: usize) -> PathBuf {
    network_of(run).join(number.to_string())
}
