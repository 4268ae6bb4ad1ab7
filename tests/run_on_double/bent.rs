//! A runtime that breaks one rule: what the report and the exit code make of it. Which check reports
//! which breach is the matter of `tests/defects.rs`.

use stdcheck::proto::cri::v1::{
    PodSandboxState, PodSandboxStatusResponse, StatusResponse, VersionResponse,
};
use tonic::Code;

use crate::{
    double::{Answer, Bends, Deed, Double},
    harness::{Bench, Told},
};

/// A bend, what is selected, and what must be said: check, verdict, code.
struct Row {
    bend: fn(&Bends),
    select: &'static str,
    check: &'static str,
    verdict: &'static str,
    code: &'static str,
    /// Part of what the finding says was seen.
    actual: &'static str,
}

fn no_runtime_name(bends: &Bends) {
    bends.after("RuntimeService/Version", |_, answer| {
        answer.edit(|reply: &mut VersionResponse| reply.runtime_name.clear());
    });
}

fn ready_for_ever(bends: &Bends) {
    bends.after("RuntimeService/PodSandboxStatus", |_, answer| {
        answer.edit(|reply: &mut PodSandboxStatusResponse| {
            reply.status.get_or_insert_default().set_state(PodSandboxState::SandboxReady);
        });
    });
}

fn info_unasked(bends: &Bends) {
    bends.after("RuntimeService/Status", |_, answer| {
        answer.edit(|reply: &mut StatusResponse| {
            reply.info.insert("config".into(), "{}".into());
        });
    });
}

const ROWS: &[Row] = &[
    Row {
        bend: no_runtime_name,
        select: "cri.version.*",
        check: "cri.version.names",
        verdict: "fail",
        code: "CRI-VER-001",
        actual: "reply.runtime_name = \"\"",
    },
    Row {
        bend: ready_for_ever,
        select: "cri.stop-sandbox.state",
        check: "cri.stop-sandbox.state",
        verdict: "warn",
        code: "CRI-SB-014",
        actual: "SANDBOX_READY",
    },
    // An invariant: seen in the traffic of another check.
    Row {
        bend: info_unasked,
        select: "cri.status.info-always cri.*",
        check: "cri.status.info-always",
        verdict: "warn",
        code: "CRI-STA-005",
        actual: "info",
    },
];

fn run(row: &Row, more: &[&str]) -> Told {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    (row.bend)(&double.bends);
    // The condition that invariants see: somebody must ask.
    let mut arguments = vec!["--api", "1.37", "--select", row.select];
    arguments.extend(more);
    let told = bench.cri(&double.socket, &arguments);
    assert_eq!(double.store.state().counts(), (0, 0, 0), "{}: something is left", row.check);
    told
}

#[test]
fn each_is_reported_by_its_check_with_its_code() {
    for row in ROWS {
        let told = run(row, &["--select", "cri.status.conditions"]);
        let check = told.check(row.check);
        assert_eq!(check["verdict"], row.verdict, "{check}");
        assert_eq!(check["finding"]["codes"], serde_json::json!([row.code]), "{}", row.check);
        let actual = check["finding"]["actual"].as_str().expect("text");
        assert!(actual.contains(row.actual), "{}: {actual}", row.check);
        let accused = [told.ids("fail"), told.ids("warn"), told.ids("error")].concat();
        assert_eq!(accused, [row.check]);

        let fails = row.verdict == "fail";
        assert_eq!(told.code, i32::from(fails), "{}", row.check);
        let conclusion = told.report["conclusion"].as_str().expect("text");
        assert_eq!(conclusion == "not-conformant", fails, "{}: {conclusion}", row.check);
    }
}

#[test]
fn a_warning_fails_the_run_under_strict_alone() {
    for row in ROWS.iter().filter(|row| row.verdict == "warn") {
        let more = ["--select", "cri.status.conditions"];
        assert_eq!(run(row, &more).code, 0, "{}", row.check);
        assert_eq!(run(row, &[more[0], more[1], "--strict"]).code, 1, "{}", row.check);
    }
}

#[test]
fn a_finding_can_be_replayed_as_it_says() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    no_runtime_name(&double.bends);
    let told = bench.cri(&double.socket, &["--select", "cri.version.*"]);
    let replay = told.check("cri.version.names")["finding"]["replay"].as_str().expect("text");
    let words = shlex::split(replay).expect("a command line");
    assert_eq!(words[0], "stdcheck");
    let again = bench.stdcheck(&words[1..]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stdout.contains("cri.version.names"), "{}", again.stdout);
    assert!(!again.stdout.contains("cri.version.api-version-semver"), "{}", again.stdout);
}

#[test]
fn a_refused_set_up_is_an_error_and_no_accusation() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/RunPodSandbox", |_| {
        Deed::Answer(Answer::refusal(Code::Internal, "no room"))
    });
    let told = bench.cri(&double.socket, &["--select", "cri.stop-sandbox.twice"]);
    let check = told.check("cri.stop-sandbox.twice");
    assert_eq!(check["verdict"], "error");
    assert!(check["reason"].as_str().is_some_and(|why| why.contains("no room")), "{check}");
    assert_eq!(told.code, 3);
}

#[test]
fn an_optional_rpc_that_is_not_implemented_is_skipped() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    for rpc in ["RuntimeService/RuntimeConfig", "RuntimeService/UpdatePodSandboxResources"] {
        double.bends.before(rpc, |_| Deed::Answer(Answer::refusal(Code::Unimplemented, "no")));
    }
    let select =
        ["--api", "1.37", "--select", "cri.runtime-config.*", "--select", "cri.update-sandbox*"];
    let told = bench.cri(&double.socket, &select);
    assert_eq!(told.code, 0, "{:?}", told.report["counts"]);
    for check in told.checks() {
        assert_eq!(check["verdict"], "skip", "{check}");
    }
    let kind = &told.check("cri.update-sandbox-resources.answers")["kind"];
    assert_eq!(kind, "not-applicable");
}

#[test]
fn one_that_had_to_be_there_is_a_finding() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/ListContainers", |_| {
        Deed::Answer(Answer::refusal(Code::Unimplemented, "no"))
    });
    let told = bench.cri(&double.socket, &["--select", "cri.list-containers.by-id"]);
    assert_eq!(told.check("cri.list-containers.by-id")["verdict"], "fail");
    assert_eq!(told.code, 1);
}
