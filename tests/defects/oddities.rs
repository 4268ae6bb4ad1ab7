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
    for (oddity, report) in oddities.iter().zip(reports) {
        assert_eq!(report.findings, [].into(), "{}: accused", oddity.name);
        assert_eq!(report.errors, [], "{}: erred", oddity.name);
        assert_eq!(report.complaints, Vec::<String>::new(), "{}", oddity.name);
    }
}
