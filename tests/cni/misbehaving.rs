//! Plugins that hang, fork, flood, or fill their state folders: the run comes to its end, and says so.

use std::collections::BTreeSet;

use crate::{
    harness::Bench,
    plugins::{answering, config, script},
};

/// Arguments of a run on a plugin that is called an IPAM plugin, so that few checks apply.
fn arguments<'a>(plugin: &'a str, config: &'a str, select: &'a str) -> Vec<&'a str> {
    let fixed = ["cni", plugin, "--config", config, "--kind", "ipam", "--step-timeout", "1s"];
    [&fixed[..], &["--select", select, "-j", "2"]].concat()
}

#[test]
fn one_that_hangs_from_the_start_is_told_at_once() {
    let bench = Bench::new();
    let plugin = script(&bench, "hangs", "sleep 1000").display().to_string();
    let config = config(&bench).display().to_string();
    let told = bench.stdcheck(["cni", &plugin, "--config", &config]);
    assert_eq!(told.code, 3, "{told:?}");
    assert!(told.message().contains("killed, since it did not end"), "{}", told.stderr);
}

#[test]
fn one_whose_add_hangs_ends_the_run_early() {
    let bench = Bench::new();
    let plugin = answering(&bench, "hangs", "sleep 1000").display().to_string();
    let config = config(&bench).display().to_string();
    let told = bench.stdcheck(arguments(&plugin, &config, "section:CNI-DEL"));
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stdout.contains("does not end, 5 times by now"), "{}", told.stdout);
}

#[test]
fn one_that_floods_and_leaves_children_is_survived() {
    let bench = Bench::new();
    let body = "(sleep 1000; echo late) & (sleep 1000) >/dev/null 2>&1 & \
                mkdir -p /var/lib/cni/full; echo x >/var/lib/cni/full/$$; \
                head -c 3000000 /dev/zero; exit 0";
    let plugin = answering(&bench, "floods", body).display().to_string();
    let config = config(&bench).display().to_string();
    let told = bench.stdcheck(arguments(&plugin, &config, "section:CNI-EXEC"));
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stdout.contains("CNI-EXEC-003"), "{}", told.stdout);
    assert!(told.stdout.contains("CNI-EXEC-020"), "{}", told.stdout);
    assert!(!std::path::Path::new("/var/lib/cni/full").exists());
    assert_eq!(processes_with(&bench), BTreeSet::new());
}

/// Processes that belong to this test: they have its folder in their environment.
pub fn processes_with(bench: &Bench) -> BTreeSet<String> {
    let mark = bench.file("tmp").display().to_string();
    let entries = std::fs::read_dir("/proc").expect("there is /proc");
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        })
        .map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default())
        .collect()
}
