//! A whole run on a sound plugin of our own.

use crate::{
    harness::Bench,
    plugins::{config, delegate},
};

#[test]
fn a_sound_plugin_breaks_no_must_and_nothing_errs() {
    let bench = Bench::new();
    let plugin = delegate(&bench).display().to_string();
    let config = config(&bench).display().to_string();
    let report = format!("json={}", bench.file("out.json").display());
    let arguments = ["cni", &plugin, "--config", &config, "--kind", "ipam", "--report", &report];
    let told = bench.stdcheck(arguments);
    let report = bench.report();
    let checks = report["checks"].as_array().expect("there are checks");
    let with = |verdict: &str| -> Vec<&str> {
        let found = checks.iter().filter(|check| check["verdict"] == verdict);
        found.filter_map(|check| check["id"].as_str()).collect()
    };
    assert_eq!(with("fail"), Vec::<&str>::new(), "{}", told.stdout);
    assert_eq!(with("error"), Vec::<&str>::new(), "{}", told.stdout);
    assert!(with("pass").len() > 80, "{}", told.stdout);
    assert_eq!(told.code, 0, "{}", told.stdout);
}

#[test]
fn the_kind_of_a_stranger_is_found_out_and_versions_are_named() {
    let bench = Bench::new();
    let plugin = delegate(&bench).display().to_string();
    let config = config(&bench).display().to_string();
    let told = bench.stdcheck(["cni", &plugin, "--config", &config, "--dry-run"]);
    assert_eq!(told.code, 0, "{told:?}");
    // A MUST of 0.4.0 became a SHOULD: two wordings, a run for each.
    assert!(told.stdout.contains("cni.error.on-stdout[1.1.0]"), "{}", told.stdout);
    assert!(told.stdout.contains("cni.error.on-stdout[0.4.0]"), "{}", told.stdout);
    let one = ["cni", &plugin, "--config", &config, "--spec", "0.4.0", "--dry-run"];
    let told = bench.stdcheck(one);
    assert!(!told.stdout.contains("[1.1.0]"), "{}", told.stdout);
}
