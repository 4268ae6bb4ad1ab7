//! Checks all plugins of a folder, and prints one table.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use comfy_table::{CellAlignment, Table, presets};
use tokio_util::sync::CancellationToken;

use super::{
    OwnArgs, find,
    one::{Session, before_threads},
};
use crate::{
    cli::{
        common::{Stop, one_line, print_line},
        cri::runtime,
        run_args::CheckArgs,
        signals,
    },
    profile,
    report::{Finished, ReportSpec, Reports},
    suite::load::Suite,
    verdict::{Verdict, exit},
};

/// Exit codes from the gravest on; see [`exit`].
const GRAVEST_FIRST: [i32; 6] = [
    exit::INTERRUPTED,
    exit::FAILED,
    exit::ERROR,
    exit::USAGE,
    exit::NOTHING_SELECTED,
    exit::PARTIAL,
];

/// Checks every plugin of the folder that has a built-in profile.
pub fn check(
    suite: &Arc<Suite>,
    folder: Option<&str>,
    own: &OwnArgs,
    args: &CheckArgs,
    begun: Instant,
) -> Result<i32, Stop> {
    if own.config.is_some() || own.profile.is_some() {
        let message = "--all takes the built-in profiles: no --config and no --profile";
        return Err(Stop::usage(message));
    }
    let folder = find::folder(suite, folder)?;
    let plugins = plugins(&folder)?;
    before_threads()?;
    let runtime = runtime()?;
    let stop = CancellationToken::new();
    signals::listen(&runtime, &stop, signals::NOTHING_LEFT);
    let waivers = args.open_waivers()?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["PLUGIN", "PASS", "FAIL", "WARN", "ERROR", "SKIP", "CONCLUSION"]);
    for column in 1..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut codes = Vec::new();
    for path in &plugins {
        let name = find::name(path);
        if stop.is_cancelled() {
            codes.push(exit::INTERRUPTED);
            break;
        }
        let reports = Reports::open(&for_plugin(&args.report, &name), None, args.gate())
            .map_err(Stop::usage)?;
        let checked = runtime.block_on(async {
            let waivers = waivers.clone();
            let session = Session { suite, own, args, waivers, stop: &stop };
            session.check(path, reports, begun).await
        });
        match checked {
            Ok(Some(finished)) => {
                codes.push(finished.exit_code);
                table.add_row(row(&name, &finished));
            }
            Ok(None) => {}
            Err(stopped) => {
                codes.push(stopped.code);
                let why = one_line(&stopped.message);
                table.add_row([&name, "", "", "", "", "", &why]);
            }
        }
    }
    print_line(&table);
    let gravest = GRAVEST_FIRST.iter().find(|code| codes.contains(code));
    Ok(gravest.copied().unwrap_or(exit::OK))
}

/// Those with a profile, by name; what else is in the folder is named, so that it is not thought
/// checked.
fn plugins(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let known = profile::built_in_names();
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Stop::unreachable(format!("{}: {error}", folder.display())))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let (found, others): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| known.contains(&find::name(path)));
    if found.is_empty() {
        let message = format!(
            "there is no plugin in {} that has a built-in profile ({})",
            folder.display(),
            known.join(", ")
        );
        return Err(Stop { message, code: exit::NOTHING_SELECTED });
    }
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|path| find::name(path)).collect();
        anstream::eprintln!("stdcheck: not checked, without a profile: {}", names.join(", "));
    }
    Ok(found)
}

/// `out.xml` → `out.bridge.xml`
fn for_plugin(reports: &[ReportSpec], name: &str) -> Vec<ReportSpec> {
    let named = |spec: &ReportSpec| {
        let mut spec = spec.clone();
        let end = match spec.path.extension() {
            Some(extension) => format!("{name}.{}", extension.to_string_lossy()),
            None => name.to_owned(),
        };
        spec.path.set_extension(end);
        spec
    };
    reports.iter().map(named).collect()
}

fn row(name: &str, finished: &Finished) -> [String; 7] {
    let counts = &finished.summary.counts;
    let [pass, fail, warn, error, skip] =
        [Verdict::Pass, Verdict::Fail, Verdict::Warn, Verdict::Error, Verdict::Skip]
            .map(|verdict| counts.of(verdict).to_string());
    let conclusion = finished.summary.conclusion.to_string();
    [name.to_owned(), pass, fail, warn, error, skip, conclusion]
}
