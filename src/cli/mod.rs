//! The command line: parses purely, then acts. One file per command.

mod carry_out;
mod clean;
mod cni;
mod common;
mod compare;
mod coverage;
mod cri;
mod csi;
mod demo;
mod explain;
mod hello;
mod image;
mod lint;
mod list;
mod reference;
mod run_args;
mod signals;

use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::verdict::exit;

pub use common::Format;

/// Says whether an implementation of an open cloud-native interface keeps its specification,
/// requirement by requirement, against the real thing.
///
/// Exit codes: 0 nothing to complain about, 1 failures or bad waivers, 2 wrong usage or an unwritable
/// report, 3 errors or an unreachable target, 4 nothing selected, 5 partial under --deny partial,
/// 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "stdcheck", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // Without words here: those of their arguments are theirs.
    Cri(Box<cri::Args>),
    Cni(Box<cni::Args>),
    Csi(Box<csi::Args>),
    Demo(demo::Args),
    Reference(reference::Args),
    /// List the checks of a suite, as a run would plan them
    List(list::Args),
    /// Explain a requirement, a check, a capability, a situation or a verb
    Explain(explain::Args),
    /// Show how much of a specification the suite covers
    Coverage(coverage::Args),
    /// Find every mistake in suite files, without a target
    Lint(lint::Args),
    Compare(compare::Args),
}

/// Parses the command line and does it; gives the exit code. `begun` is when the process began.
pub fn main(begun: Instant) -> i32 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version are no mistakes.
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            let _ = error.print();
            return code;
        }
    };
    let done = match cli.command {
        Command::Cri(args) => args.run(begun),
        Command::Cni(args) => args.run(begun),
        Command::Csi(args) => args.run(begun),
        Command::Demo(args) => args.run(begun),
        Command::Reference(args) => args.run(),
        Command::List(args) => args.run(),
        Command::Explain(args) => args.run(),
        Command::Coverage(args) => args.run(),
        Command::Lint(args) => args.run(),
        Command::Compare(args) => args.run(),
    };
    done.unwrap_or_else(|stop| {
        anstream::eprintln!("stdcheck: {}", stop.message);
        stop.code
    })
}
