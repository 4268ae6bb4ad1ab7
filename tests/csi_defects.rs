//! Every check of storage drivers can fail (design, rule 7): the suite on the reference driver, then
//! once for each seeded defect, which some check must report, and once for each legal oddity, which
//! none may.
//!
//! `tests/defects/README.md` says how to write and try one. A defect is a switch of the reference driver
//! (`switches`) or a rule of a proxy before it (`bends`). This program is also that proxy.

mod double;
mod harness;

#[path = "csi_defects/apart.rs"]
mod apart;
#[path = "defects/exempt.rs"]
mod exempt;
#[path = "csi_defects/matrix.rs"]
mod matrix;
#[path = "csi_defects/oddities.rs"]
mod oddities;
#[path = "csi_defects/program.rs"]
mod program;
#[path = "csi_defects/proxy.rs"]
mod proxy;
#[path = "csi_defects/stand.rs"]
mod stand;
#[path = "csi_defects/table.rs"]
mod table;
#[path = "csi_defects/trial.rs"]
mod trial;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn() -> Result<(), Failed>;

fn main() {
    proxy::serve_if_told();
    let arguments = Arguments::from_args();
    let tried: [(&str, Test); 4] = [
        ("an_honest_driver_is_not_accused", oddities::an_honest_driver_is_not_accused),
        (
            "every_check_reports_a_defect_and_every_defect_is_reported",
            matrix::every_check_reports_a_defect_and_every_defect_is_reported,
        ),
        ("no_oddity_is_accused", oddities::no_oddity_is_accused),
        ("trial", trial::trial),
    ];
    let mut trials = Vec::new();
    match stand::missing() {
        Some(why) => println!("SKIPPED: {} tests, {why}", tried.len()),
        None => trials.extend(tried.into_iter().map(|(name, test)| Trial::test(name, test))),
    }
    libtest_mimic::run(&arguments, trials).exit();
}
