//! `STDCHECK_DEFECT=GLOB cargo test --test defects trial -- --nocapture`: tells what some defects or
//! oddities come to.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    clean::clean,
    double::rule::read_folder,
    stand::{Finding, Reported, asked_for_some, each, folder},
};

#[test]
fn trial() {
    let Some(pattern) = asked_for_some() else { return };
    let mut all = read_folder(&folder("defects/cri")).unwrap_or_else(|why| panic!("{why}"));
    all.extend(read_folder(&folder("oddities/cri")).unwrap_or_else(|why| panic!("{why}")));
    all.retain(|one| pattern.matches(&one.name) || pattern.matches(&one.section));
    assert!(!all.is_empty(), "nothing is called so");
    // One check may be enough to look at: the clean run is spared then.
    let select: Option<BTreeSet<String>> =
        std::env::var("STDCHECK_CHECK").ok().map(|checks| BTreeSet::from([checks]));
    let reports = each(&all, |one| match &select {
        Some(select) => select.clone(),
        None => clean().touched_by(one),
    });
    for (one, report) in all.iter().zip(reports) {
        println!("{}", tell(&one.name, &report));
    }
}

fn tell(name: &str, report: &Reported) -> String {
    let mut text = format!("\n{name} ({} checks run)\n", report.run);
    for (id, Finding { verdict, expected, actual }) in &report.findings {
        let _ = writeln!(text, "  {verdict}  {id}");
        let _ = writeln!(text, "        expected {expected}");
        let _ = writeln!(text, "        actual   {actual}");
    }
    for (id, reason) in &report.errors {
        let _ = writeln!(text, "  error {id}: {reason}");
    }
    for complaint in &report.complaints {
        let _ = writeln!(text, "  THE RULE IS MISTAKEN: {complaint}");
    }
    if report.findings.is_empty() && report.errors.is_empty() {
        text += "  nothing is reported\n";
    }
    text
}
