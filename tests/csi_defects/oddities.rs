//! Legal differences, which no check may accuse; and the honest driver, which none may either.

use std::sync::OnceLock;

use libtest_mimic::Failed;

use crate::{
    double::rule::{Difference, Rule, read_folder},
    harness::each,
    matrix::{blesses, try_with},
    stand::{self, BESIDE, Ran, asked_for_some, folder, run},
};

/// One of so many is tried where nobody asks for all.
const SAMPLED: usize = 36;

/// The honest driver, checked once.
pub fn honest() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(|| run(&stand::honest(), &[]))
}

pub fn an_honest_driver_is_not_accused() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let ran = honest();
    let mut wrong: Vec<String> = ran.complaints.clone();
    for (id, became) in &ran.checks {
        if became.accuses() || became.verdict == "error" {
            wrong.push(format!("  {id}: {}", became.told()));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// All oddities.
pub fn oddities() -> Vec<Difference> {
    let all = read_folder(&folder("oddities/csi")).unwrap_or_else(|why| panic!("{why}"));
    for one in &all {
        Rule::new(one).unwrap_or_else(|why| panic!("{why}"));
    }
    all
}

pub fn no_oddity_is_accused() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let mut all = oddities();
    if !blesses() && std::env::var_os("STDCHECK_MATRIX").is_none() {
        all = all.into_iter().step_by(SAMPLED).collect();
    }
    let reports = each(&all, BESIDE, |one| try_with(one, &one.only));
    let mut wrong = Vec::new();
    for (oddity, report) in all.iter().zip(reports) {
        let name = &oddity.name;
        wrong.extend(report.complaints.iter().map(|why| format!("  {name}: {why}")));
        for (id, became) in &report.findings {
            wrong.push(format!("  {name}: {id}: {}", became.told()));
        }
        wrong.extend(report.errors.iter().map(|(id, why)| format!("  {name}: {id}: error: {why}")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
