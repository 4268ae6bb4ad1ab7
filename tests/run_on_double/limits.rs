//! What ends a check or a run early: deadlines, time-outs, --fail-fast; and --deny partial.

use crate::{
    double::{Answer, Deed, Double},
    harness::Bench,
};

#[test]
fn a_hang_meets_the_deadline_of_the_step() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/UpdateRuntimeConfig", |_| Deed::Hang);
    let select = ["--select", "cri.update-runtime-config.*", "--select", "cri.version.names"];
    let told = bench.cri(&double.socket, &[&select[..], &["--step-timeout", "1s"]].concat());
    let check = told.check("cri.update-runtime-config.empty-cidr");
    assert_eq!(check["verdict"], "error");
    assert_eq!(check["reason"], "RuntimeService/UpdateRuntimeConfig: no answer within 1s");
    assert_eq!(told.check("cri.version.names")["verdict"], "pass");
    assert_eq!(told.report["deaths"], serde_json::json!([]));
    assert_eq!(told.code, 3);
}

#[test]
fn a_hang_is_no_refusal_where_one_is_expected() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/StartContainer", |_| Deed::Hang);
    let check = "cri.start-container.unknown";
    let told = bench.cri(&double.socket, &["--select", check, "--step-timeout", "1s"]);
    assert_eq!(told.check(check)["verdict"], "error", "{}", told.check(check));
    assert_eq!(told.code, 3);
}

#[test]
fn a_hang_meets_the_time_out_of_the_check() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/PodSandboxStatus", |_| Deed::Hang);
    let check = "cri.sandbox-status.created-at";
    let told = bench.cri(&double.socket, &["--select", check, "--check-timeout", "1s"]);
    assert_eq!(told.check(check)["verdict"], "error");
    assert_eq!(told.check(check)["reason"], "the check took longer than 1s");
    assert_eq!(told.code, 3);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn a_run_ends_at_its_time_out() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/PodSandboxStatus", |_| Deed::Hang);
    let select = ["--select", "cri.sandbox-status.*", "--select", "cri.stop-sandbox.twice"];
    let told = bench.cri(&double.socket, &[&select[..], &["--timeout", "1s", "-j", "1"]].concat());
    assert_eq!(told.report["ended_early"], "the run took longer than its --timeout 1s");
    assert_eq!(told.report["interrupted"], false);
    assert_eq!(told.check("cri.stop-sandbox.twice")["kind"], "not-checked");
    assert_eq!(told.code, 3, "a run that was cut off is never green");
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn the_first_failure_ends_the_run_under_fail_fast() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.after("RuntimeService/Version", |_, answer| *answer = Answer::bytes(""));
    let select = ["--select", "cri.version.*", "--select", "cri.stop-sandbox.*", "-j", "1"];
    let all = bench.cri(&double.socket, &select);
    assert!(all.ids("pass").contains(&"cri.stop-sandbox.twice"), "{all:?}");
    let told = bench.cri(&double.socket, &[&select[..], &["--fail-fast"]].concat());
    assert_eq!(told.ids("fail").len(), 1);
    let ended = told.report["ended_early"].as_str().expect("text");
    assert!(ended.starts_with("--fail-fast: cri.version."), "{ended}");
    assert_eq!(told.check("cri.stop-sandbox.twice")["verdict"], "skip");
    assert_eq!(told.checks().len(), all.checks().len(), "each check is told");
    assert_eq!(told.code, 1);
}

#[test]
fn what_was_not_checked_is_denied_on_request() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    // It needs the folder of the network's configuration.
    let select = ["--select", "cri.status.without-pod-network", "--select", "cri.version.names"];
    let told = bench.cri(&double.socket, &select);
    assert_eq!((told.code, &told.report["conclusion"]), (0, &"partial".into()));
    let told = bench.cri(&double.socket, &[&select[..], &["--deny", "partial"]].concat());
    assert_eq!((told.code, &told.report["conclusion"]), (5, &"partial".into()));
    let told = bench.cri(&double.socket, &[&select[2..], &["--deny", "partial"]].concat());
    assert_eq!((told.code, &told.report["conclusion"]), (0, &"conformant".into()));
}
