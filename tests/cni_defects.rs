//! Every check of plugins can fail (design, rule 7): the suite on good plugins, then once for each
//! seeded defect, which some check must report, and once for each legal oddity, which none may.
//!
//! `tests/defects/README.md` says how to write and try one. `STDCHECK_DEFECT=GLOB` runs only some and
//! tells what was reported; `STDCHECK_BLESS=1` writes the matrix anew.
//!
//! This program is also the shim that bends a good plugin: it is executed under the plugin's name.

mod harness;
mod shim;

#[path = "defects/exempt.rs"]
mod exempt;
#[path = "cni_defects/good.rs"]
mod good;
#[path = "cni_defects/matrix.rs"]
mod matrix;
#[path = "cni_defects/oddities.rs"]
mod oddities;
#[path = "cni_defects/rules.rs"]
mod rules;
#[path = "cni_defects/stand.rs"]
mod stand;
#[path = "cni_defects/table.rs"]
mod table;
#[path = "cni_defects/trial.rs"]
mod trial;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn() -> Result<(), Failed>;

fn main() {
    if let Some(rule) = shim::found() {
        shim::main(&rule);
    }
    let arguments = Arguments::from_args();
    let pure: [(&str, Test); 2] = [
        ("what_is_mistaken_is_refused", rules::what_is_mistaken_is_refused),
        ("each_change_does_what_it_says", rules::each_change_does_what_it_says),
    ];
    let tried: [(&str, Test); 5] = [
        ("an_honest_shim_is_the_plugin", good::an_honest_shim_is_the_plugin),
        ("good_plugins_are_accused_of_what_is_known", good::accused_of_what_is_known),
        (
            "every_check_reports_a_defect_and_every_defect_is_reported",
            matrix::every_check_reports_a_defect_and_every_defect_is_reported,
        ),
        ("no_oddity_is_accused", oddities::no_oddity_is_accused),
        ("trial", trial::trial),
    ];
    let mut trials: Vec<Trial> =
        pure.into_iter().map(|(name, test)| Trial::test(name, test)).collect();
    match stand::missing() {
        Some(why) => println!("SKIPPED: {} tests, {why}", tried.len()),
        None => trials.extend(tried.into_iter().map(|(name, test)| Trial::test(name, test))),
    }
    libtest_mimic::run(&arguments, trials).exit();
}
