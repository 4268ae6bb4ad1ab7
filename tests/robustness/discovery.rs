//! Before the first check: capabilities that cannot be found out, and a stop meanwhile.

use std::{sync::mpsc::channel, time::Duration};

use nix::sys::signal::Signal;

use crate::{
    double::{Answer, Deed, Double},
    harness::{Bench, Running},
};

/// Needs the pod network, which Status tells of.
const NEEDY: &str = "cri.stop-sandbox.twice";
/// Much longer than anything takes: a test that waits in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn ctrl_c_and_sigterm_end_it() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let (there, arrived) = channel();
        double.bends.before("RuntimeService/Status", move |_| {
            let _ = there.send(());
            Deed::Hang
        });
        let arguments = bench.cri_arguments(&double.socket, &["--select", NEEDY]);
        let running = Running::start(bench.command(arguments));
        arrived.recv_timeout(PATIENCE).expect("the network is asked for");
        running.signal(signal);
        let mut told = running.end();
        told.report = bench.report();
        assert_eq!(told.code, 130, "{}", told.stderr);
        // Its deadline is a minute: it was not waited for.
        assert_eq!(double.bends.calls("RuntimeService/Status"), 1);
        let check = told.check(NEEDY);
        assert_eq!(
            (&check["kind"], &check["reason"]),
            (&"not-checked".into(), &"interrupted".into())
        );
        assert_eq!(bench.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn the_time_out_of_the_run_ends_it() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/Status", |_| Deed::Hang);
    let told = bench.cri(&double.socket, &["--select", NEEDY, "--timeout", "1s"]);
    let why = "the run took longer than its --timeout 1s";
    assert_eq!(told.report["ended_early"], why);
    assert_eq!(told.check(NEEDY)["reason"], why);
    assert_eq!(told.code, 3, "a run that was cut off is never green");
}

#[test]
fn a_signal_before_the_first_answer_ends_it_with_one_message() {
    for command in [&["cri"][..], &["cri", "clean"]] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let (there, arrived) = channel();
        double.bends.before("RuntimeService/Version", move |_| {
            let _ = there.send(());
            Deed::Hang
        });
        let socket = double.socket.display().to_string();
        let running = Running::start(bench.command([command, &["--socket", &socket]].concat()));
        arrived.recv_timeout(PATIENCE).expect("it says hello");
        running.signal(Signal::SIGTERM);
        let told = running.end();
        assert_eq!(told.code, 130, "{}", told.stderr);
        assert!(
            told.stderr
                .ends_with("stdcheck: interrupted before the first check; nothing was touched\n"),
            "{}",
            told.stderr
        );
        assert_eq!(bench.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_found_out_is_an_error_and_no_skip() {
    for (deed, why) in [
        (Answer::bytes(vec![0xff; 9]), "bytes that are no field"),
        (Answer::refusal(tonic::Code::Internal, "no status today"), "no status today"),
    ] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        double.bends.before("RuntimeService/Status", move |_| Deed::Answer(deed.clone()));
        let told = bench.cri(&double.socket, &["--select", NEEDY]);
        let check = told.check(NEEDY);
        assert_eq!(check["verdict"], "error", "{check}");
        let reason = check["reason"].as_str().expect("text");
        assert!(reason.starts_with("network:ready could not be found out: "), "{reason}");
        assert!(reason.contains(why), "{reason}");
        assert_eq!(told.code, 3);
    }
}
