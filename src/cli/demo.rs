//! `stdcheck demo`: a sound and a broken driver side by side, without any set-up.

use std::{sync::Arc, time::Instant};

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use tokio_util::sync::CancellationToken;

use super::{
    common::{Stop, load_sound, print_line},
    cri::runtime,
    csi::{STANDARD, check::Session, flags::DriverFlags, target::TargetFlags},
    run_args::CheckArgs,
    signals,
};
use crate::{
    reference::csi::told,
    report::{Finished, Gate, Reports, Terminal, shorten},
    suite::load::Suite,
    verdict::{Verdict, exit},
};

/// What the broken driver does wrong, if the user names nothing: each is a mistake that was really made.
const USUAL_DEFECTS: [&str; 4] =
    ["create-twice", "restore-live", "publish-readonly-ignored", "page-skips"];

/// How much of a requirement's sentence the table shows.
const SENTENCE: usize = 60;

/// Check a sound and a broken storage driver of our own, and show both side by side
///
/// Nothing has to be installed or set up. The drivers and their volumes live in namespaces and folders
/// of their own, and are gone afterwards. As root volumes are really mounted; without root the
/// controller alone is checked.
#[derive(Debug, Parser)]
pub struct Args {
    /// What the broken driver does wrong; may be repeated. `stdcheck reference csi --defect list` shows
    /// them all
    #[arg(long, value_name = "NAME")]
    defect: Vec<String>,
    #[command(flatten)]
    check: CheckArgs,
}

/// Flags as if the user had given none but those.
#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    driver: DriverFlags,
}

impl Args {
    /// Checks both.
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        if !self.check.report.is_empty() || self.check.log_dir.is_some() {
            return Err(Stop::usage(
                "the demo writes no reports; `stdcheck csi --driver` does, of a driver of yours",
            ));
        }
        let suite = load_sound(STANDARD, self.check.suite.as_ref())?;
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CSI);
        let mut defects: Vec<&str> = self.defect.iter().map(String::as_str).collect();
        if defects.is_empty() {
            defects.extend(USUAL_DEFECTS);
        }
        runtime.block_on(async {
            print_line("The sound driver:\n");
            let sound = self.one(&suite, &[], &stop, begun).await?;
            if stop.is_cancelled() {
                return Ok(exit::INTERRUPTED);
            }
            print_line(format!("\nThe broken driver ({}):\n", defects.join(", ")));
            let broken = self.one(&suite, &defects, &stop, Instant::now()).await?;
            print_line("");
            print_line(table(&sound, &broken));
            Ok(match (sound.exit_code, broken.exit_code) {
                (exit::INTERRUPTED, _) | (_, exit::INTERRUPTED) => exit::INTERRUPTED,
                (sound, _) => sound,
            })
        })
    }

    async fn one(
        &self,
        suite: &Arc<Suite>,
        defects: &[&str],
        stop: &CancellationToken,
        begun: Instant,
    ) -> Result<Finished, Stop> {
        let flags = flags(defects)?;
        let mut reports = Reports::open(&[], None, Gate::default()).map_err(Stop::usage)?;
        reports.add(Terminal::stdout());
        let session =
            Session { suite, target: &flags.target, driver: &flags.driver, check: &self.check };
        let config = toml::from_str(told::CONFIG).map_err(Stop::usage)?;
        session.check(config, Vec::new(), reports, stop, begun).await
    }
}

/// The command line that checks our own driver.
fn flags(defects: &[&str]) -> Result<Flags, Stop> {
    let own = std::env::current_exe()
        .map_err(|error| Stop::usage(format!("cannot find my own program: {error}")))?;
    let own = own.display().to_string();
    let mut words: Vec<&str> = vec!["stdcheck", "--driver", &own, "--", "reference", "csi"];
    words.extend(told::ARGUMENTS);
    if !nix::unistd::Uid::effective().is_root() {
        words.push("--preset=controller-only");
    }
    for defect in defects {
        words.extend(["--defect", defect]);
    }
    Flags::try_parse_from(words).map_err(Stop::usage)
}

/// Counts, and then each requirement that the broken driver breaks, for both.
fn table(sound: &Finished, broken: &Finished) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "SOUND", "BROKEN", ""]);
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let (ours, theirs) = (&sound.summary, &broken.summary);
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Warn, Verdict::Error, Verdict::Skip] {
        let [left, right] = [ours, theirs].map(|summary| summary.counts.of(verdict).to_string());
        table.add_row([verdict.to_string(), left, right, String::new()]);
    }
    for (code, result) in &theirs.requirements {
        if matches!(result.verdict, Verdict::Pass | Verdict::Skip) {
            continue;
        }
        let left = ours.requirements.get(code).map(|same| same.verdict.to_string());
        let says = shorten(&result.says, SENTENCE);
        table.add_row([code.clone(), left.unwrap_or_default(), result.verdict.to_string(), says]);
    }
    let [left, right] = [ours, theirs].map(|summary| summary.conclusion.to_string());
    table.add_row(["conclusion".to_owned(), left, right, String::new()]);
    table
}
