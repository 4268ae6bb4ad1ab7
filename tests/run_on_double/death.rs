//! A runtime that dies in the middle of a call (design, rule 4).

use std::path::Path;

use crate::{
    double::{Deed, Double, DoubleProcess},
    harness::{Bench, Told},
};

/// Only this check calls this rpc.
const RPC: &str = "RuntimeService/UpdateRuntimeConfig";
const CULPRIT: &str = "cri.update-runtime-config.empty-cidr";
/// Some that are under way at the same time.
const SELECT: &[&str] =
    &["--select", CULPRIT, "--select", "cri.stop-sandbox.*", "--select", "cri.version.*"];

/// A rule by which it dies of such a call.
fn dies(rpc: &str, when: &str) -> String {
    format!(
        "[[defect]]\nname = 'dies'\nsays = 'Dies.'\n\
         bends = [{{ rpc = '{rpc}', when = '{when}', die = true }}]"
    )
}

fn run(bench: &Bench, socket: &Path, more: &[&str]) -> Told {
    bench.cri(socket, &[SELECT, more].concat())
}

/// The culprit fails, and nobody else is accused or lost.
fn only_the_culprit(told: &Told) {
    assert_eq!(told.ids("fail"), [CULPRIT]);
    assert_eq!(told.with_verdict("error"), []);
    let check = told.check(CULPRIT);
    let reason = check["reason"].as_str().expect("text");
    assert!(reason.starts_with("the target died: "), "{reason}");
    assert_eq!(check["finding"]["expected"], "the target survives");
    assert_eq!(told.check("cri.stop-sandbox.twice")["verdict"], "pass");
    assert_eq!(told.report["unattributed_deaths"], serde_json::json!([]));
    assert_eq!(told.report["cleanup_failures"], serde_json::json!([]));
    assert_eq!(told.code, 1);
}

#[test]
fn of_one_that_a_supervisor_brings_back() {
    for jobs in ["1", "4"] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        double.bends.before(RPC, |_| Deed::Die);
        let told = run(&bench, &double.socket, &["-j", jobs]);
        only_the_culprit(&told);
        assert_eq!(double.store.state().counts(), (0, 0, 0));
    }
}

#[test]
fn of_a_process_that_the_restart_command_brings_back() {
    for jobs in ["1", "4"] {
        let bench = Bench::new();
        let mut double = DoubleProcess::start(bench.path(), &dies(RPC, "true"));
        let restart = double.restart_command();
        let told = run(&bench, &double.socket(), &["-j", jobs, "--restart-cmd", &restart]);
        assert!(!double.lives(), "it never died");
        only_the_culprit(&told);
        assert_eq!(double.state().counts(), (0, 0, 0), "of before the death, too");
    }
}

#[test]
fn of_a_process_that_stays_dead() {
    let bench = Bench::new();
    let mut double = DoubleProcess::start(bench.path(), &dies(RPC, "true"));
    let told = run(&bench, &double.socket(), &["-j", "1"]);
    assert!(!double.lives(), "it never died");
    assert_eq!(told.ids("fail"), [CULPRIT]);
    let reason = told.check(CULPRIT)["reason"].as_str().expect("text");
    assert!(reason.starts_with("the target died: "), "{reason}");
    // Nothing after it is a pass.
    let ended = told.report["ended_early"].as_str().expect("text");
    assert!(ended.starts_with("the target is gone: "), "{ended}");
    assert_eq!(told.report["deaths"].as_array().map(Vec::len), Some(1));
    let after = told.with_verdict("error");
    assert!(!after.is_empty() && after.iter().all(|(_, why)| *why == "the target is gone"));
    assert_eq!(told.code, 1);
}

#[test]
fn under_several_checks_that_cannot_be_asked_again_accuses_none_of_them() {
    let bench = Bench::new();
    let mut double = DoubleProcess::start(bench.path(), &dies(RPC, "true"));
    let told = run(&bench, &double.socket(), &["-j", "4"]);
    assert!(!double.lives(), "it never died");
    assert_eq!(told.ids("fail"), Vec::<&str>::new());
    let unattributed = told.report["unattributed_deaths"][0].as_str().expect("text");
    assert!(unattributed.contains(CULPRIT), "{unattributed}");
    assert_eq!(told.check(CULPRIT)["verdict"], "error");
    assert_eq!(told.report["conclusion"], "not-conformant");
    assert_eq!(told.code, 1);
}

#[test]
fn of_the_cleanup_after_a_check_is_the_checks() {
    let bench = Bench::new();
    // The check itself never calls it.
    let dies = dies("RuntimeService/StopPodSandbox", "nth == 1");
    let mut double = DoubleProcess::start(bench.path(), &dies);
    let check = "cri.sandbox-status.namespaces-host-network";
    let told = bench.cri(&double.socket(), &["--select", check, "-j", "1"]);
    assert!(!double.lives(), "it never died");
    assert_eq!(told.ids("fail"), [check]);
    assert_eq!(told.code, 1);
}

#[test]
fn of_a_restart_command_that_fails_is_told() {
    let bench = Bench::new();
    let double = DoubleProcess::start(bench.path(), &dies(RPC, "true"));
    let restart = "echo no such unit >&2; exit 5";
    let told = run(&bench, &double.socket(), &["-j", "1", "--restart-cmd", restart]);
    let ended = told.report["ended_early"].as_str().expect("text");
    assert!(ended.contains("no such unit") && ended.contains("exit status: 5"), "{ended}");
    assert_eq!(told.ids("fail"), [CULPRIT]);
    assert_eq!(told.code, 1);
}

#[test]
fn a_check_may_restart_it_on_purpose() {
    let bench = Bench::new();
    let double = DoubleProcess::start(bench.path(), "");
    let restart = double.restart_command();
    let select = ["--select", "cri.runtime-config.static-across-restart", "--api", "1.37"];
    let told = bench.cri(&double.socket(), &[&select[..], &["--restart-cmd", &restart]].concat());
    let check = told.check("cri.runtime-config.static-across-restart");
    assert_eq!(check["verdict"], "pass", "{check}");
    assert_eq!(told.report["deaths"], serde_json::json!([]));
    assert_eq!(told.code, 0);
    assert_eq!(double.state().counts(), (0, 0, 0));
}

#[test]
fn checks_that_may_kill_run_last_and_alone_and_only_if_allowed() {
    let bench = Bench::new();
    let dies = dies(
        "RuntimeService/RunPodSandbox",
        "!has(request.config) || !has(request.config.metadata)",
    );
    let double = DoubleProcess::start(bench.path(), &dies);
    let select = ["--select", "cri.run-sandbox.missing", "--select", "cri.stop-sandbox.twice"];
    let told = bench.cri(&double.socket(), &[&select[..], &["-j", "4"]].concat());
    let kind = &told.check("cri.run-sandbox.missing[config]")["kind"];
    assert_eq!((told.code, kind), (0, &"not-checked".into()));

    let restart = double.restart_command();
    let more = ["-j", "4", "--restart-cmd", &restart];
    let told = bench.cri(&double.socket(), &[&select[..], &more].concat());
    let both = ["config", "metadata"].map(|case| format!("cri.run-sandbox.missing[{case}]"));
    assert_eq!(told.ids("fail"), both);
    assert_eq!(told.check("cri.stop-sandbox.twice")["verdict"], "pass");
    assert_eq!(told.code, 1);
}

#[test]
fn while_a_situation_is_taken_down_that_checks_shared_is_nobodys() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/StopPodSandbox", |call| match call.nth {
        1 => Deed::Die,
        _ => Deed::Serve,
    });
    let select = ["--select", "cri.list-sandboxes.by-id", "--select", "cri.version.names"];
    let told = bench.cri(&double.socket, &[&select[..], &["-j", "1"]].concat());
    assert_eq!(told.ids("fail"), Vec::<&str>::new());
    let unattributed = told.report["unattributed_deaths"][0].as_str().expect("text");
    assert!(unattributed.contains("taking down the situation sandbox"), "{unattributed}");
    assert_eq!(told.report["conclusion"], "not-conformant");
    assert_eq!(told.code, 1);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}
