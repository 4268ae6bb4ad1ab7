//! The matrix of defects and checks: each defect must be reported, each check must report one.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Failed;

use crate::{
    double::rule::{Difference, Gives, Rule, read_folder},
    exempt,
    harness::each,
    oddities,
    stand::{BESIDE, Became, Ran, asked_for_some, folder, run},
    table,
};

/// One of so many is tried where nobody asks for all: the whole matrix is the closing note's.
const SAMPLED: usize = 60;

/// How many of the checks that are known to report a defect are tried in a sample.
const AT_FIRST: usize = 12;

/// What a difference came to.
#[derive(Default)]
pub struct Reported {
    /// How many checks were run.
    pub run: usize,
    /// The checks that accuse, and did not accuse the honest driver.
    pub findings: BTreeMap<String, Became>,
    /// Check and reason of each error.
    pub errors: Vec<(String, String)>,
    /// What is wrong with the rule itself, or with the run.
    pub complaints: Vec<String>,
}

/// All defects.
pub fn defects() -> Vec<Difference> {
    let all = read_folder(&folder("defects/csi/rules")).unwrap_or_else(|why| panic!("{why}"));
    for one in &all {
        Rule::new(one).unwrap_or_else(|why| panic!("{why}"));
        let bent = one.apart.as_ref().is_none_or(|apart| apart.bent.is_some());
        assert!(bent || one.bends.is_empty(), "{}: which of the two is bent?", one.name);
        assert!(
            !(one.bends.is_empty()
                && one.switches.is_empty()
                && one.args.is_empty()
                && one.apart.is_none()),
            "{} differs in nothing",
            one.name
        );
    }
    all
}

pub fn every_check_reports_a_defect_and_every_defect_is_reported() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let defects = defects();
    let whole = is_whole();
    let tried: Vec<Difference> = match whole {
        true => defects.clone(),
        false => defects.iter().step_by(SAMPLED).cloned().collect(),
    };
    let reports = each(&tried, BESIDE, |one| {
        let reported = report(one);
        // As it comes: a run of half an hour that is cut has still said something.
        println!("{}: {} of {} checks", one.name, reported.findings.len(), reported.run);
        for why in &reported.complaints {
            println!("{}: {why}", one.name);
        }
        reported
    });
    let mut wrong = Vec::new();
    for (defect, report) in tried.iter().zip(&reports) {
        let name = &defect.name;
        wrong.extend(report.complaints.iter().map(|why| format!("  {name}: {why}")));
        let silent = match defect.gives {
            Gives::Finding => report.findings.is_empty(),
            Gives::Error => report.errors.is_empty(),
        };
        if silent {
            wrong.push(format!("  {name}: no check reports it; errors: {:?}", report.errors));
        }
    }
    if whole {
        let honest = oddities::honest();
        let seen: BTreeSet<String> = honest
            .checks
            .iter()
            .filter(|(_, became)| became.verdict == "pass")
            .map(|(id, _)| id.clone())
            .collect();
        let rows = table::rows(&tried, &reports);
        wrong.extend(survivors(&seen, &rows));
        if blesses() {
            table::write(&table::text(&tried, &reports, &rows, &seen));
        }
    } else {
        let unknown = defects.iter().filter(|one| table::committed(&one.name).is_none());
        wrong.extend(unknown.map(|one| format!("  {}: matrix.txt does not have it", one.name)));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} mistakes:\n{}", wrong.len(), wrong.join("\n")).into())
}

/// Whether all defects are tried.
fn is_whole() -> bool {
    blesses() || std::env::var_os("STDCHECK_MATRIX").is_some()
}

/// Whether what is committed is written anew.
pub fn blesses() -> bool {
    std::env::var("STDCHECK_BLESS").is_ok_and(|bless| bless == "1")
}

/// Tries the checks that report it by the committed matrix; where these are silent, or there are none,
/// all. `STDCHECK_MATRIX=full` tries all of them at once.
fn report(defect: &Difference) -> Reported {
    if !defect.only.is_empty() {
        return try_with(defect, &defect.only);
    }
    let full = std::env::var("STDCHECK_MATRIX").is_ok_and(|how| how == "full");
    let known = table::committed(&defect.name).unwrap_or_default();
    if !full && !known.is_empty() {
        // Of the whole matrix each check is to be seen.
        let most = if is_whole() { known.len() } else { AT_FIRST };
        let some = known.iter().take(most);
        let known: Vec<String> = some.map(|id| format!("slug:{id}")).collect();
        let reported = try_with(defect, &known);
        if !reported.findings.is_empty() {
            return reported;
        }
    }
    try_with(defect, &[])
}

/// Runs some checks under a difference, or all.
pub fn try_with(difference: &Difference, select: &[String]) -> Reported {
    let Ran { checks, complaints } = run(difference, select);
    let mut reported = Reported { run: checks.len(), complaints, ..Reported::default() };
    for (id, became) in checks {
        if became.verdict == "error" {
            reported.errors.push((id, became.reason));
        } else if became.accuses() {
            reported.findings.insert(id, became);
        }
    }
    reported
}

/// The checks that no defect makes fail, and what is exempt without need.
fn survivors(seen: &BTreeSet<String>, rows: &table::Rows) -> Vec<String> {
    let survived: Vec<&str> =
        seen.iter().filter(|id| !rows.contains_key(*id)).map(String::as_str).collect();
    let unexplained = survived.iter().filter(|check| exempt::reason("unkillable", check).is_none());
    unexplained
        .map(|check| format!("  {check}: no defect makes it fail"))
        .chain(
            exempt::needless("unkillable", &survived)
                .into_iter()
                .map(|check| format!("  {check}: exempt, and a defect makes it fail")),
        )
        .collect()
}
