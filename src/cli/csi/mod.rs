//! `stdcheck csi`: checks a storage driver.

pub mod check;
mod clean;
pub mod flags;
mod frail;
pub mod target;

use std::time::Instant;

use clap::{Parser, Subcommand};

use super::common::Stop;

/// The standard that this command checks.
pub const STANDARD: &str = "csi";

/// Check a storage driver against CSI
///
/// Of a driver that is running, name its socket with --endpoint; or let stdcheck start it:
/// stdcheck csi --driver ./my-driver -- --endpoint={endpoint} --nodeid=n1
///
/// Selections are words separated by space, all of which must fit: slug:GLOB (or a bare GLOB),
/// code:GLOB, level:MUST, basis:stated, section:CSI-NODE; a `!` before a word negates it.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<CsiCommand>,
    #[command(flatten)]
    run: check::RunArgs,
}

#[derive(Debug, Subcommand)]
enum CsiCommand {
    /// Remove what a killed run left in a driver, on its node and on this host
    Clean(clean::Args),
}

impl Args {
    /// Checks or cleans.
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        match &self.command {
            Some(CsiCommand::Clean(args)) => args.run(begun),
            None => self.run.run(begun),
        }
    }
}
