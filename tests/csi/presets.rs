//! The reference driver keeps every rule, whatever parts it has.

use crate::{
    driver::{missing, traces_of},
    harness::Bench,
};

/// Runs the whole suite on a driver that stdcheck starts; flags of stdcheck, arguments of the driver.
fn keeps_every_rule(flags: &[&str], arguments: &[&str]) {
    keeps_all_but(&[], flags, arguments);
}

/// The same for a driver that is what some SHOULD advises against: those checks may warn.
fn keeps_all_but(advised: &[&str], flags: &[&str], arguments: &[&str]) {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let report = format!("json={}", bench.file("out.json").display());
    let stdcheck = env!("CARGO_BIN_EXE_stdcheck");
    let mut all = vec!["csi", "--report", &report];
    all.extend(flags);
    all.extend(["--driver", stdcheck, "--", "reference", "csi"]);
    all.extend(["--endpoint={endpoint}", "--state={state}"]);
    all.extend(arguments);
    let mut told = bench.stdcheck(&all);
    told.report = bench.report();
    assert_eq!(told.with_verdict("fail"), [], "{}", told.stdout);
    assert_eq!(told.with_verdict("error"), []);
    assert_eq!(told.ids("warn"), advised);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert!(told.ids("pass").len() > 20, "hardly anything was checked: {}", told.stdout);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    assert_eq!(traces_of(&bench), Vec::<String>::new());
}

#[test]
fn with_everything() {
    keeps_every_rule(&[], &[]);
}

#[test]
fn a_node_alone() {
    let flags = ["--volume-id", "foreign-vol-00001"];
    let arguments = ["--preset=node-only", "--foreign-volumes=2"];
    keeps_all_but(&["csi.identity.has-controller"], &flags, &arguments);
}

#[test]
fn a_controller_alone() {
    keeps_every_rule(&[], &["--preset=controller-only"]);
}

#[test]
fn without_making_volumes() {
    let flags = ["--volume-id", "foreign-vol-00001"];
    keeps_every_rule(&flags, &["--preset=no-create-delete", "--foreign-volumes=2"]);
}

#[test]
fn without_staging() {
    keeps_every_rule(&[], &["--preset=no-stage"]);
}

#[test]
fn with_block_volumes_alone() {
    keeps_every_rule(&[], &["--preset=block-only"]);
}

#[test]
fn without_lists() {
    keeps_every_rule(&[], &["--preset=no-list"]);
}
