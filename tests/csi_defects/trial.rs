//! `STDCHECK_DEFECT=GLOB cargo test --test csi_defects trial`: tells what some defects or oddities come
//! to. `STDCHECK_CHECK=WORDS` tries some checks alone.

use std::fmt::Write as _;

use libtest_mimic::Failed;

use crate::{
    double::rule::Difference,
    harness::each,
    matrix::{Reported, defects, try_with},
    oddities::oddities,
    stand::{BESIDE, asked_for_some},
};

pub fn trial() -> Result<(), Failed> {
    let Some(pattern) = asked_for_some() else { return Ok(()) };
    let mut all = defects();
    all.extend(oddities());
    all.retain(|one| pattern.matches(&one.name) || pattern.matches(&one.section));
    assert!(!all.is_empty(), "nothing is called so");
    let only = std::env::var("STDCHECK_CHECK").ok();
    let reports = each(&all, BESIDE, |one| match &only {
        Some(words) => try_with(one, std::slice::from_ref(words)),
        None => try_with(one, &one.only),
    });
    let mut mistaken = Vec::new();
    for (one, report) in all.iter().zip(reports) {
        println!("{}", tell(one, &report));
        mistaken.extend(report.complaints.iter().map(|why| format!("{}: {why}", one.name)));
    }
    if mistaken.is_empty() { Ok(()) } else { Err(mistaken.join("\n").into()) }
}

fn tell(one: &Difference, report: &Reported) -> String {
    let mut text = format!("\n{} ({} checks run)\n", one.name, report.run);
    for (id, became) in &report.findings {
        let _ = writeln!(text, "  {}  {id}", became.verdict);
        let _ = writeln!(text, "        expected {}", became.expected);
        let _ = writeln!(text, "        actual   {}", became.actual);
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
