//! What containerd owes to network plugins: `stdcheck cni --runtime`.

use std::{collections::BTreeSet, process::Command};

use crate::{machine, peer::Peer};

/// The whole suite: what is found is what was verified by hand for that version, and the runtime has
/// its own network back.
fn whole_suite(version: &str) {
    let Some(peer) = Peer::start(version) else { return };
    let machine = machine::State::now();
    let files = peer.network_files();
    let report = peer.check_network(&[]);
    report.assert_sound();
    let expected = include_str!("network-findings.txt");
    let expected: BTreeSet<String> = expected
        .lines()
        .filter_map(|line| line.strip_prefix(version)?.strip_prefix(' '))
        .map(str::to_owned)
        .collect();
    assert_eq!(report.findings(), expected, "containerd {version}");
    assert!(report.count("pass") > 25, "{:?}", report.json["counts"]);
    assert_eq!(peer.network_files(), files);
    peer.assert_clean();
    machine.assert_same();
}

#[test]
fn containerd_1_6_calls_plugins_as_is_known() {
    whole_suite("1.6");
}

#[test]
fn containerd_1_7_calls_plugins_as_is_known() {
    whole_suite("1.7");
}

#[test]
fn containerd_2_1_calls_plugins_as_is_known() {
    whole_suite("2.1");
}

#[test]
fn an_older_version_of_the_specification_can_be_judged_by() {
    let Some(peer) = Peer::start("1.6") else { return };
    let report = peer.check_network(&["--spec", "0.4.0", "--select", "cni-runtime.del.*"]);
    report.assert_sound();
    assert_eq!(report.verdict("cni-runtime.del.same-parameters"), "pass");
}

#[test]
fn a_killed_run_s_network_is_put_back_by_clean() {
    let Some(peer) = Peer::start("1.6") else { return };
    let files = peer.network_files();
    // The plugin of this check fails as long as the run wants it to.
    let select = ["--select", "cni-runtime.del.failure-halts"];
    let mut child = peer.network_command(&select).spawn().unwrap();
    peer.await_a_sandbox_of_ours();
    child.kill().unwrap();
    child.wait().unwrap();
    let cleaned = Command::new(env!("CARGO_BIN_EXE_stdcheck"))
        .args(["cri", "clean", "--socket", &peer.socket])
        .args(["--cni-conf-dir", &peer.cni_conf, "--cni-bin-dir", &peer.cni_bin])
        .output()
        .unwrap();
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stdout));
    assert_eq!(peer.network_files(), files);
    peer.assert_clean();
}
