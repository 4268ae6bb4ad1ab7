//! `STDCHECK_DEFECT=GLOB cargo test --test cni_defects trial`: tells what some defects or oddities come
//! to.

use std::fmt::Write as _;

use libtest_mimic::Failed;

use crate::{
    matrix::{Reported, of_topic, touched, try_with},
    shim::rule::{Difference, read_folder},
    stand::{asked_for_some, each, folder},
};

pub fn trial() -> Result<(), Failed> {
    let Some(patterns) = asked_for_some() else { return Ok(()) };
    let mut all = read_folder(&folder("defects/cni"))?;
    all.extend(read_folder(&folder("oddities/cni"))?);
    let meant = |word: &str| patterns.iter().any(|pattern| pattern.matches(word));
    all.retain(|one| meant(&one.name) || meant(&one.topic));
    assert!(!all.is_empty(), "nothing is called so");
    let only = std::env::var("STDCHECK_CHECK").ok();
    let reports = each(&all, |one| match &only {
        Some(words) => try_with(one, std::slice::from_ref(words)),
        None => try_with(one, &wanted(one)),
    });
    for (one, report) in all.iter().zip(reports) {
        println!("{}", tell(one, &report));
    }
    Ok(())
}

/// By default the checks of its topic.
fn wanted(one: &Difference) -> Vec<String> {
    let of_topic = of_topic(one);
    let all = of_topic.is_empty()
        || !one.only.is_empty()
        || std::env::var_os("STDCHECK_MATRIX").is_some();
    if all { touched(one) } else { of_topic }
}

fn tell(one: &Difference, report: &Reported) -> String {
    let mut text = format!("\n{} ({} checks run)\n", one.name, report.run);
    for (id, became) in &report.findings {
        let _ = writeln!(text, "  {}  {id}  {}", became.verdict, became.of);
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
