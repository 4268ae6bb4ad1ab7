//! The matrix of defects and checks: run, and held against the committed one.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Failed;

use crate::{
    exempt,
    good::{self, good},
    shim::rule::{Difference, read_folder},
    stand::{Became, asked_for_some, each, folder, run, without_version},
    table,
};

/// What a difference came to.
#[derive(Default)]
pub struct Reported {
    /// How many checks were run.
    pub run: usize,
    /// The checks whose verdict is worse than on the good plugin.
    pub findings: BTreeMap<String, Became>,
    /// Check and reason of each error.
    pub errors: Vec<(String, String)>,
    /// What is wrong with the rule itself, or with the run.
    pub complaints: Vec<String>,
}

/// All defects.
pub fn defects() -> Vec<Difference> {
    read_folder(&folder("defects/cni")).unwrap_or_else(|why| panic!("{why}"))
}

pub fn every_check_reports_a_defect_and_every_defect_is_reported() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let defects = defects();
    if is_sample() {
        return each_is_reported_as_committed(&sample(defects));
    }
    let goods = good::all(&defects);
    let reports = tried(&defects);
    let mut wrong = Vec::new();
    for (defect, report) in defects.iter().zip(&reports) {
        wrong.extend(report.complaints.iter().map(|why| format!("  {}: {why}", defect.name)));
        wrong.extend(unreported(defect, report));
    }
    // A check that has something to see on one of the plugins, at one of the versions.
    let seen: BTreeSet<String> = goods
        .iter()
        .flat_map(|(_, ran)| &ran.checks)
        .filter(|(_, became)| ["pass", "warn", "fail"].contains(&became.verdict.as_str()))
        .map(|(id, _)| without_version(id))
        .collect();
    let rows = table::rows(&defects, &reports);
    // The good plugins are real ones, with faults of their own: what accuses those can fail.
    let accusing = goods.iter().flat_map(|(_, ran)| &ran.checks);
    let accusing = accusing.filter(|(_, became)| became.weight() > 0).map(|(id, _)| id);
    let killed: BTreeSet<String> =
        rows.keys().chain(accusing).map(|id| without_version(id)).collect();
    let never = good::never_run(&goods);
    wrong.extend(survivors("unkillable", &seen, &killed));
    wrong.extend(survivors("skip", &never, &killed));
    let text = table::text(&defects, &reports, &rows, &Checks { seen, never, killed });
    wrong.extend(table::against_the_committed(&text));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} mistakes:\n{}", wrong.len(), wrong.join("\n")).into())
}

/// Without STDCHECK_MATRIX only some are tried: all of them take ten minutes, which are the closing
/// note's and not CI's.
pub fn is_sample() -> bool {
    std::env::var_os("STDCHECK_MATRIX").is_none() && !blesses()
}

/// Whether each defect is tried with the checks alone that are known to report it.
pub fn is_known() -> bool {
    std::env::var("STDCHECK_MATRIX").is_ok_and(|how| how == "known") && !blesses()
}

/// One of so many is tried then.
const SAMPLED: usize = 24;

/// Some of each topic.
pub fn sample(all: Vec<Difference>) -> Vec<Difference> {
    all.into_iter().step_by(SAMPLED).collect()
}

/// Each with the checks that are known to report it; those that stay silent with all that may.
fn tried(defects: &[Difference]) -> Vec<Reported> {
    let mut reports = each(defects, |one| try_with(one, &tried_with(one)));
    let silent: Vec<usize> =
        (0..defects.len()).filter(|&at| reports[at].findings.is_empty()).collect();
    let again: Vec<Difference> = silent.iter().map(|&at| defects[at].clone()).collect();
    for (at, report) in silent.into_iter().zip(each(&again, |one| try_with(one, &touched(one)))) {
        reports[at] = report;
    }
    reports
}

/// That no check reports a defect; unless its plugin needs links that the kernel of this machine does not
/// have.
fn unreported(defect: &Difference, report: &Reported) -> Option<String> {
    if !report.findings.is_empty() {
        return None;
    }
    let lacks =
        |became: &&Became| became.verdict == "skip" && became.reason.starts_with("kernel: ");
    if let Some(became) = good(defect).checks.values().find(lacks) {
        println!("SKIPPED: {}: {}", defect.name, became.reason);
        return None;
    }
    let errors = report.errors.iter().map(|(id, why)| format!("\n      {id}: {why}"));
    let errors: String = errors.collect();
    Some(format!("  {}: no check reports it; errors: {errors}", defect.name))
}

fn each_is_reported_as_committed(sample: &[Difference]) -> Result<(), Failed> {
    let reports = tried(sample);
    let mut wrong = Vec::new();
    for (defect, report) in sample.iter().zip(&reports) {
        wrong.extend(report.complaints.iter().map(|why| format!("  {}: {why}", defect.name)));
        wrong.extend(unreported(defect, report));
    }
    for defect in defects().iter().filter(|defect| table::committed(&defect.name).is_empty()) {
        wrong.push(format!("  {}: matrix.txt does not have it", defect.name));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} mistakes:\n{}", wrong.len(), wrong.join("\n")).into())
}

/// Runs some checks under a difference, and compares them with the good plugin.
pub fn try_with(difference: &Difference, select: &[String]) -> Reported {
    let mut reported = Reported::default();
    if select.is_empty() {
        reported.complaints.push("no check uses what it bends".to_owned());
        return reported;
    }
    let select: Vec<&str> = select.iter().map(String::as_str).collect();
    let ran = run(difference, &select);
    let before = good(difference);
    reported.run = ran.checks.len();
    reported.complaints = ran.complaints;
    for (id, became) in ran.checks {
        let was = before.checks.get(&id).map_or(0, Became::weight);
        if became.verdict == "error" {
            reported.errors.push((id, became.reason));
        } else if became.weight() > was {
            reported.findings.insert(id, became);
        }
    }
    reported
}

/// The checks that are tried under a defect first: those that are known to report it. Where the matrix is
/// written anew or does not have it, those of its topic, too.
fn tried_with(defect: &Difference) -> Vec<String> {
    let wide = std::env::var("STDCHECK_MATRIX").is_ok_and(|how| how != "known");
    if wide || !defect.only.is_empty() {
        return touched(defect);
    }
    let mut tried = table::committed(&defect.name);
    // What was executed for several checks at once is no check's own.
    if tried.remove("situation") {
        tried.extend(touched(defect).into_iter().filter(|id| carries(id)));
    }
    if blesses() || tried.is_empty() {
        tried.extend(of_topic(defect));
    }
    tried.into_iter().collect()
}

/// Checks that only execute what every plugin has, for invariants to look at.
const CARRIERS: [&str; 3] = ["cni.version.add", "cni.version.del", "cni.error.in-every-version"];

fn carries(id: &str) -> bool {
    CARRIERS.contains(&without_version(id).as_str())
}

/// The checks of the section that a defect's file is named after: `errors` is about `cni.error.*`.
pub fn of_topic(defect: &Difference) -> Vec<String> {
    let of_it = |id: &String| {
        let word = id.split('.').nth(1).unwrap_or_default();
        carries(id) || (!word.is_empty() && defect.topic.starts_with(word))
    };
    touched(defect).into_iter().filter(of_it).collect()
}

/// The checks whose verdict may hang on a difference: those for which a bent command was executed, and
/// all invariants.
pub fn touched(difference: &Difference) -> Vec<String> {
    if !difference.only.is_empty() {
        return difference.only.clone();
    }
    let good = good(difference);
    let full = std::env::var("STDCHECK_MATRIX").is_ok_and(|how| how == "full");
    let any = full || difference.one_read || difference.bends.iter().any(|bend| bend.on.is_empty());
    let bent: BTreeSet<&str> =
        difference.bends.iter().flat_map(|bend| &bend.on).map(String::as_str).collect();
    let may = |became: &Became| {
        let commands = &became.commands;
        became.verdict != "error"
            && (any || commands.is_empty() || commands.iter().any(|one| bent.contains(&**one)))
    };
    good.checks.iter().filter(|(_, became)| may(became)).map(|(id, _)| id.clone()).collect()
}

/// What became of the checks, without their versions.
pub struct Checks {
    /// They have something to see on a good plugin.
    pub seen: BTreeSet<String>,
    /// They are skipped on all of them.
    pub never: BTreeSet<String>,
    /// They report a defect, or a fault of a good plugin.
    pub killed: BTreeSet<String>,
}

/// The checks that no defect makes fail, and what is exempt without need.
fn survivors(kind: &str, checks: &BTreeSet<String>, killed: &BTreeSet<String>) -> Vec<String> {
    let survived: Vec<&str> = checks.difference(killed).map(String::as_str).collect();
    let unexplained = survived.iter().filter(|check| exempt::reason(kind, check).is_none());
    unexplained
        .map(|check| format!("  {check}: no defect makes it fail ({kind})"))
        .chain(
            exempt::needless(kind, &survived)
                .into_iter()
                .map(|check| format!("  {check}: exempt ({kind}), and a defect makes it fail")),
        )
        .collect()
}

/// Whether what is committed is written anew.
pub fn blesses() -> bool {
    std::env::var("STDCHECK_BLESS").is_ok_and(|bless| bless == "1")
}
