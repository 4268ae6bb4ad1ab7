//! Legal differences: no check may accuse them; a derived one may warn, where the difference says so.

use libtest_mimic::Failed;
use wildmatch::WildMatch;

use crate::{
    matrix::{is_sample, sample, touched, try_with},
    shim::rule::read_folder,
    stand::{asked_for_some, each, folder},
};

pub fn no_oddity_is_accused() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let mut oddities = read_folder(&folder("oddities/cni"))?;
    if is_sample() {
        oddities = sample(oddities);
    }
    let reports = each(&oddities, |one| try_with(one, &touched(one)));
    let mut wrong = Vec::new();
    for (oddity, report) in oddities.iter().zip(reports) {
        let legal = |id: &str, verdict: &str| {
            verdict == "warn" && oddity.warns.iter().any(|check| WildMatch::new(check).matches(id))
        };
        let accused = report.findings.iter().filter(|(id, became)| !legal(id, &became.verdict));
        let accused = accused.map(|(id, became)| format!("{id}: {}", became.told()));
        let erred = report.errors.iter().map(|(id, reason)| format!("{id}: error: {reason}"));
        let all = accused.chain(erred).chain(report.complaints);
        wrong.extend(all.map(|what| format!("  {}: {what}", oddity.name)));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} mistakes:\n{}", wrong.len(), wrong.join("\n")).into())
}
