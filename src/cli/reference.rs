//! `stdcheck reference`: implementations of ours that keep the specifications, to try things against.

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use super::{common::Stop, cri::runtime};
use crate::{reference, verdict::exit};

/// Run an implementation that keeps its specification, to try things against
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    standard: Reference,
}

#[derive(Debug, Subcommand)]
enum Reference {
    /// A complete CSI driver of one node: volumes are files on this host, mounted through loop devices
    Csi(Box<reference::csi::Args>),
}

impl Args {
    /// Serves until a signal comes.
    pub fn run(&self) -> Result<i32, Stop> {
        let Reference::Csi(args) = &self.standard;
        let runtime = runtime()?;
        runtime.block_on(async {
            let stop = CancellationToken::new();
            let told = stop.clone();
            tokio::spawn(async move {
                let _ = tokio::signal::ctrl_c().await;
                told.cancel();
            });
            match reference::csi::serve(args, stop).await {
                Ok(()) => Ok(exit::OK),
                Err(why) => Err(Stop { message: why, code: exit::FAILED }),
            }
        })
    }
}
