//! `stdcheck cni`: checks a network plugin, or a runtime that executes plugins.

mod all;
mod find;
mod known;
mod one;
mod runtime;

use std::{path::PathBuf, time::Instant};

use clap::Parser;

use super::{common::Stop, run_args::CheckArgs};
use crate::{profile::Kind, suite::version::Version};

/// The standard that this command checks.
pub const STANDARD: &str = "cni";

/// Check a network plugin against CNI, or with --runtime a runtime that executes plugins
///
/// The plugin is executed as a runtime does it, in namespaces that stdcheck makes and that end with it:
/// nothing of the machine changes. Without --config it is given the configuration of the built-in
/// profile of its name.
#[derive(Debug, Parser)]
pub struct Args {
    /// The plugin: a path, or a name that is looked for in the usual plugin folders
    #[arg(required_unless_present_any = ["all", "runtime"], conflicts_with_all = ["all", "runtime"])]
    plugin: Option<String>,
    /// Check every plugin of a folder that has a built-in profile, and print one table
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "")]
    all: Option<String>,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    runtime: runtime::RuntimeArgs,
    #[command(flatten)]
    check: CheckArgs,
}

/// Flags of this command alone.
#[derive(Clone, Debug, clap::Args)]
pub struct OwnArgs {
    /// The plugin's configuration, or a list that has it: a JSON file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "profile",
        help_heading = "What the plugin is"
    )]
    config: Option<PathBuf>,
    /// A profile of yours: what the plugin is, and configurations for it (docs/cni-profiles.md)
    #[arg(long, value_name = "FILE", help_heading = "What the plugin is")]
    profile: Option<PathBuf>,
    /// What the plugin is to a runtime: interface, chained, ipam or meta [default: found out]
    #[arg(long, value_name = "KIND", requires = "config", help_heading = "What the plugin is")]
    kind: Option<Kind>,
    /// A further folder of CNI_PATH, where plugins are that this one runs; may be repeated
    #[arg(long, value_name = "DIR", help_heading = "What the plugin is")]
    cni_path: Vec<PathBuf>,
    /// A further folder where the plugin keeps state: it is empty on the stage; may be repeated
    #[arg(long, value_name = "DIR", help_heading = "What the plugin is")]
    state_dir: Vec<PathBuf>,
    /// Only this version of the specification, of those that the plugin claims; may be repeated. A
    /// runtime is judged by it [default: by the runtime's name and version]
    #[arg(long, value_name = "VERSION", help_heading = "What is checked")]
    spec: Vec<Version>,
    /// Every check at every version that the plugin claims, and not only where its requirements change
    #[arg(long, help_heading = "What is checked")]
    every_version: bool,
}

impl Args {
    /// Checks one plugin, all of a folder, or a runtime.
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        if let Some(named) = &self.runtime.runtime {
            let session =
                runtime::Session { own: &self.runtime, spec: &self.own.spec, args: &self.check };
            return session.check(named, begun);
        }
        let suite = self.check.load(STANDARD)?;
        match (&self.plugin, &self.all) {
            (Some(plugin), _) => one::check(&suite, plugin, &self.own, &self.check, begun),
            (None, folder) => {
                let folder = folder.as_deref().filter(|folder| !folder.is_empty());
                all::check(&suite, folder, &self.own, &self.check, begun)
            }
        }
    }
}
