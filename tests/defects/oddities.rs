//! Legal differences: no check may accuse them.

use crate::{
    clean::clean,
    double::rule::read_folder,
    stand::{asked_for_some, each, folder},
};

#[test]
fn no_oddity_is_accused() {
    if asked_for_some().is_some() {
        return;
    }
    let oddities = read_folder(&folder("oddities/cri")).unwrap_or_else(|why| panic!("{why}"));
    let reports = each(&oddities, |one| clean().touched_by(one));
    let mut wrong = Vec::new();
    for (oddity, report) in oddities.iter().zip(reports) {
        let accused = report.findings.iter().map(|(id, finding)| format!("{id}: {finding:?}"));
        let erred = report.errors.iter().map(|(id, reason)| format!("{id}: error: {reason}"));
        let all = accused.chain(erred).chain(report.complaints);
        wrong.extend(all.map(|what| format!("  {}: {what}", oddity.name)));
    }
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong.join("\n"));
}
