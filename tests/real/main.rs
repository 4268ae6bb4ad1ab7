//! The suite against real containerds, each private to its test and started by `scripts/peers`.
//!
//! `scripts/test` installs them and sets `STDCHECK_TEST_PEERS=1`; without that variable these tests
//! say that they did nothing. containerd 1.6 is required then; 1.7 and 2.1 where they can be had.

#[path = "../double/mod.rs"]
mod double;
mod foreign;
mod machine;
mod network;
mod peer;
mod proxy;
mod report;

use std::{collections::BTreeSet, os::unix::process::CommandExt, process::Command};

use peer::{Peer, available};
use report::Report;

/// Not a test: the proxy as its own process.
#[test]
#[ignore = "the entry of the proxy as its own process"]
fn double_process() {
    double::serve_if_told();
}

/// The whole suite with everything allowed: no check may err, nothing may be left, and what is found
/// is what was verified by hand for that version.
fn whole_suite(version: &str) {
    let Some(peer) = Peer::start(version) else { return };
    let machine = machine::State::now();
    let foreign = foreign::Pod::run(&peer);
    let report = peer.check(&["-j", "4"]);
    report.assert_sound();
    let expected = include_str!("findings.txt");
    let expected: BTreeSet<String> = expected
        .lines()
        .filter_map(|line| line.strip_prefix(version)?.strip_prefix(' '))
        .map(str::to_owned)
        .collect();
    assert_eq!(report.findings(), expected, "containerd {version}");
    assert!(report.count("pass") > 100, "{:?}", report.json["counts"]);
    foreign.assert_untouched(&peer);
    foreign.remove(&peer);
    peer.assert_clean();
    machine.assert_same();
}

#[test]
fn containerd_1_6_keeps_and_breaks_what_is_known() {
    whole_suite("1.6");
}

#[test]
fn containerd_1_7_keeps_and_breaks_what_is_known() {
    whole_suite("1.7");
}

#[test]
fn containerd_2_1_keeps_and_breaks_what_is_known() {
    whole_suite("2.1");
}

#[test]
fn one_and_eight_at_once_give_the_same_verdicts() {
    let Some(peer) = Peer::start("1.6") else { return };
    let one = peer.check(&["-j", "1"]);
    let eight = peer.check(&["-j", "8"]);
    assert_eq!(one.verdicts(), eight.verdicts());
    peer.assert_clean();
}

#[test]
fn a_run_that_is_killed_leaves_nothing_after_clean() {
    let Some(peer) = Peer::start("1.6") else { return };
    let mut child = peer.command(&["-j", "4"]).spawn().unwrap();
    peer.await_a_sandbox_of_ours();
    child.kill().unwrap();
    child.wait().unwrap();
    let cleaned = Command::new(env!("CARGO_BIN_EXE_stdcheck"))
        .args(["cri", "clean", "--socket", &peer.socket])
        .args(["--cni-conf-dir", &peer.cni_conf, "--cni-bin-dir", &peer.cni_bin])
        .output()
        .unwrap();
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stdout));
    peer.assert_clean();
}

#[test]
fn an_interrupted_run_cleans_up_and_says_so() {
    let Some(peer) = Peer::start("1.6") else { return };
    let (mut command, path) = peer.reporting(&["-j", "4"]);
    // Its own process group, as a terminal would have it: the signal must not reach this test.
    let mut child = command.process_group(0).spawn().unwrap();
    peer.await_a_sandbox_of_ours();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = Report::read(&path);
    assert_eq!(report.json["interrupted"], true);
    peer.assert_clean();
}

#[test]
fn a_users_own_image_goes_as_far_as_it_can() {
    let Some(peer) = Peer::start("1.6") else { return };
    // The sandbox image is on the node, and stdcheck does not know what is in this one.
    peer.import("docker.local/own:1");
    let (mut command, path) = peer.reporting(&["--image", "docker.local/own:1"]);
    command.status().unwrap();
    let report = Report::read(&path);
    report.assert_sound();
    assert!(report.skipped_for("image:guest") > 10);
    assert!(report.count("pass") > 50, "{:?}", report.json["counts"]);
}

#[test]
fn the_required_version_is_there_when_peers_are_wanted() {
    if peer::wanted() {
        assert!(available().contains(&"1.6".to_owned()), "run scripts/peers install");
    }
}
