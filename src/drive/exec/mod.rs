//! A target that is a program: what is known of it before it is executed.

mod output;

use std::path::PathBuf;

pub use output::Output;

use super::clock::PendingClock;
use crate::{profile::Profile, stage::StageOptions, suite::version::Version};

/// The name of our recording delegate, where a configuration names it as a `type`.
pub const DELEGATE: &str = "stdcheck-delegate";

/// A plugin and how it is executed.
pub struct Plugin {
    /// The program.
    pub path: PathBuf,
    /// Its base name, which is the `type` of its configuration.
    pub name: String,
    /// `CNI_PATH`: the plugin's own folder, those of the user's, and ours with the recording delegate.
    pub search: Vec<PathBuf>,
    /// The last of these: programs of ours under other names.
    pub helpers: PathBuf,
    /// What is known of it.
    pub profile: Profile,
    /// The versions that it claims, oldest first, and that can be tried with its kind.
    pub claimed: Vec<Version>,
    /// How the namespaces are made that it is executed in.
    pub stage: StageOptions,
    /// How long we waited for it.
    pub clock: PendingClock,
}

impl Plugin {
    /// `CNI_PATH` as text.
    pub fn search_path(&self) -> String {
        let folders: Vec<String> =
            self.search.iter().map(|folder| folder.display().to_string()).collect();
        folders.join(":")
    }

    /// Its configuration without `cniVersion`, `name` and `type`.
    pub fn config(&self) -> serde_json::Map<String, serde_json::Value> {
        self.profile.config.clone()
    }
}
