//! Ctrl-C and SIGTERM, once and twice.

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    double::{Deed, Double},
    harness::{Bench, Running},
};

/// The first call of PodSandboxStatus finds a sandbox there.
const SELECT: &[&str] =
    &["--select", "cri.sandbox-status.annotations", "--select", "cri.stop-sandbox.*", "-j", "1"];

/// Much longer than anything takes: a test that waits in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A double that hangs in one rpc, and tells when it is in it.
fn hanging_in(double: &Double, rpc: &str) -> Receiver<()> {
    let (there, arrived) = channel();
    double.bends.before(rpc, move |_| {
        // Nobody listens to the second one.
        let _ = there.send(());
        Deed::Hang
    });
    arrived
}

fn start(bench: &Bench, double: &Double) -> Running {
    Running::start(bench.command(bench.cri_arguments(&double.socket, SELECT)))
}

#[test]
fn one_ends_the_run_in_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let arrived = hanging_in(&double, "RuntimeService/PodSandboxStatus");
        let running = start(&bench, &double);
        arrived.recv_timeout(PATIENCE).expect("a check asks");
        running.signal(signal);
        let mut told = running.end();
        told.report = bench.report();

        assert_eq!(told.code, 130, "{}", told.stderr);
        assert_eq!(told.report["interrupted"], true);
        assert_eq!(told.report["exit_code"], 130);
        let selected = told.report["run"]["selected"].as_u64().expect("a number");
        assert_eq!(u64::try_from(told.checks().len()), Ok(selected), "each check is told");
        assert!(told.with_verdict("skip").iter().any(|(_, why)| *why == "interrupted"));
        assert_eq!(told.with_verdict("fail"), []);
        assert_eq!(double.store.state().counts(), (0, 0, 0));
        assert_eq!(bench.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_second_one_ends_it_at_once_and_clean_removes_what_is_left() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let arrived = hanging_in(&double, "RuntimeService/PodSandboxStatus");
        let cleaning = hanging_in(&double, "RuntimeService/StopPodSandbox");
        let mut running = start(&bench, &double);
        arrived.recv_timeout(PATIENCE).expect("a check asks");
        running.signal(signal);
        running.hear("stopping, and cleaning up");
        cleaning.recv_timeout(PATIENCE).expect("the cleanup asks");
        running.signal(signal);
        let told = running.end();
        assert_eq!(told.code, 130, "{}", told.stderr);
        assert!(told.stderr.contains("stdcheck cri clean"), "{}", told.stderr);
        assert_ne!(double.store.state().counts(), (0, 0, 0), "nothing was left to clean");
        assert_eq!(bench.leftovers().len(), 1);

        double.bends.clear();
        let socket = double.socket.display().to_string();
        let cleaned = bench.stdcheck(["cri", "clean", "--socket", &socket]);
        assert_eq!(cleaned.code, 0, "{cleaned:?}");
        assert_eq!(double.store.state().counts(), (0, 0, 0));
        assert_eq!(bench.leftovers(), Vec::<String>::new(), "{}", cleaned.stdout);
        let again = bench.stdcheck(["cri", "clean", "--socket", &socket]);
        assert_eq!(again.stdout, "nothing of a run that died here is left\n");
    }
}

#[test]
fn one_during_a_call_that_makes_something_still_takes_it_away() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let (there, arrived) = channel();
    // The sandbox is made, and the answer never comes: the caller cannot know its id.
    double.bends.after("RuntimeService/RunPodSandbox", move |_, _| {
        let _ = there.send(());
        let (_keep, never) = channel::<()>();
        let _ = never.recv_timeout(Duration::from_secs(1));
    });
    let running = start(&bench, &double);
    arrived.recv_timeout(PATIENCE).expect("a sandbox is made");
    running.signal(Signal::SIGINT);
    let told = running.end();
    assert_eq!(told.code, 130, "{}", told.stderr);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn clean_leaves_a_run_that_lives_alone() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let arrived = hanging_in(&double, "RuntimeService/PodSandboxStatus");
    let running = start(&bench, &double);
    arrived.recv_timeout(PATIENCE).expect("a check asks");
    let before = double.store.state().counts();
    let socket = double.socket.display().to_string();
    let cleaned = bench.stdcheck(["cri", "clean", "--socket", &socket]);
    assert_eq!(cleaned.stdout, "nothing of a run that died here is left\n", "{cleaned:?}");
    assert!(double.store.state().counts().0 >= before.0);
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code, 130);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}
