//! A sample of the defects before a real containerd: the same rules as on the double, on a proxy.

use std::path::Path;

use crate::{double::ProxyProcess, peer::Peer, report::Report};

/// A defect (a file's name below `tests/defects`, and the defect's) and the checks that must report it.
const SAMPLE: &[(&str, &str, &[&str])] = &[
    ("cri/version", "version-without-runtime-name", &["cri.version.names"]),
    (
        "cri/status",
        "status-tells-info-unasked",
        &["cri.status.info-unasked", "cri.status.info-always"],
    ),
    ("cri/sandbox-stop-remove", "second-stop-is-an-error", &["cri.stop-sandbox.twice"]),
    ("cri/sandbox-stop-remove", "stopped-sandbox-is-ready", &["cri.stop-sandbox.state"]),
    ("cri/sandbox-status", "sandbox-annotations-are-trimmed", &["cri.sandbox-status.annotations"]),
    ("cri/sandbox-list", "sandbox-state-filter-is-ignored", &["cri.list-sandboxes.ready"]),
    ("cri/sandbox-config", "hostname-is-the-nodes", &["cri.sandbox-config.hostname"]),
    ("cri/sandbox-config", "sysctls-are-ignored", &["cri.sandbox-config.sysctls"]),
    (
        "real/host",
        "cgroup-parent-is-dropped",
        &["cri.sandbox-config.cgroup-parent", "cri.sandbox-config.cgroup-parent-of-sandbox"],
    ),
    ("real/host", "sandbox-runs-as-root", &["cri.sandbox-config.own-process"]),
    ("real/host", "group-without-user-is-dropped", &["cri.sandbox-config.group-without-user"]),
    ("real/host", "stopped-sandbox-keeps-its-process", &["cri.stop-sandbox.own-process"]),
    ("real/host", "removed-sandbox-keeps-processes", &["cri.remove-sandbox.ends-processes"]),
    ("real/host", "removed-container-keeps-its-process", &["cri.remove-container.stubborn"]),
    ("real/host", "out-of-memory-is-an-error-like-any", &["cri.container-status.oom-killed"]),
];

/// It needs a machine without swap, on which nothing else runs out of memory meanwhile.
const MAY_SKIP: &str = "cri.container-status.oom-killed";

/// Only where RuntimeConfig is: containerd 2.
const SINCE_2: &[(&str, &str, &[&str])] =
    &[("real/host", "cgroup-driver-is-another", &["cri.runtime-config.cgroup-paths"])];

/// The text of one defect of a file.
fn rule(file: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/defects/{file}.toml"));
    let text = std::fs::read_to_string(path).unwrap();
    let named = format!("\nname = \"{name}\"\n");
    let found = text.split("[[defect]]").find(|rule| rule.starts_with(&named));
    format!("[[defect]]{}", found.unwrap_or_else(|| panic!("no {name} in {file}")))
}

/// Runs something through a proxy that differs by some rules.
fn through(peer: &Peer, rules: &str, args: &[&str]) -> Report {
    let folder = tempfile::tempdir_in(peer.folder()).unwrap();
    let netns = Path::new(&peer.netns);
    let proxy = ProxyProcess::start(folder.path(), netns, Path::new(&peer.socket), rules);
    peer.check_at(&proxy.socket().display().to_string(), args)
}

/// Each defect of a table is reported by its checks, all of which pass without it.
fn reported(peer: &Peer, table: &[(&str, &str, &[&str])]) {
    let checks = table.iter().flat_map(|(_, _, checks)| checks.iter().copied());
    let sound = through(peer, "", &selecting(checks));
    sound.assert_sound();
    for (file, name, checks) in table {
        if checks.contains(&MAY_SKIP) && sound.verdict(MAY_SKIP) == "skip" {
            eprintln!("SKIPPED: {name}, because {MAY_SKIP} is skipped on this machine");
            continue;
        }
        for check in *checks {
            assert_eq!(sound.verdict(check), "pass", "{check}, without a defect");
        }
        let bent = through(peer, &rule(file, name), &selecting(checks.iter().copied()));
        for check in *checks {
            let verdict = bent.verdict(check);
            assert!(verdict == "fail" || verdict == "warn", "{name}: {check} is {verdict}");
        }
        peer.assert_clean();
    }
}

/// One after the other, since the rules may count calls; Status is asked for an invariant.
fn selecting<'a>(checks: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let checks = checks.into_iter().flat_map(|check| ["--select", check]);
    ["-j", "1"].into_iter().chain(checks).collect()
}

#[test]
fn defects_before_containerd_1_6_are_reported() {
    if let Some(peer) = Peer::start("1.6") {
        reported(&peer, SAMPLE);
    }
}

#[test]
fn defects_before_containerd_2_1_are_reported() {
    if let Some(peer) = Peer::start("2.1") {
        reported(&peer, SINCE_2);
    }
}

#[test]
fn a_proxy_that_bends_nothing_changes_no_verdict() {
    let Some(peer) = Peer::start("1.6") else { return };
    let bare = peer.check(&["-j", "4"]);
    let proxied = through(&peer, "", &["-j", "4"]);
    assert_eq!(proxied.verdicts(), bare.verdicts());
    peer.assert_clean();
}
