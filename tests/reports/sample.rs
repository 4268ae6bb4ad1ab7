//! A run made by hand that has everything a report must tell.

use std::sync::Arc;

use serde_json::json;
use stdcheck::events::{
    CapabilityFact, CheckResult, Cited, Event, Exchange, Finding, Finish, Header, TargetInfo,
};
use stdcheck::verdict::{Basis, Level, SkipKind, Verdict};

/// What a target may send to harm a terminal, an XML parser or a reader.
pub const HOSTILE: &str =
    "\u{1b}[31mgone\u{1b}[0m ]]> <b>&amp;\u{202e}txet\u{0}\r\n\u{9b}2J\u{fffe} second line";

pub fn header(selected: usize) -> Event {
    let capability = |name: &str, present, why: &str| CapabilityFact {
        name: name.into(),
        present,
        why: why.into(),
    };
    Event::RunStarted(Box::new(Header {
        standard: "cri".into(),
        run_id: "k3x9z1".into(),
        started_at: "2025-11-22T02:14:07Z".into(),
        command: ["stdcheck", "cri", "--socket", "/run/containerd/containerd.sock"].map(String::from).to_vec(),
        target: TargetInfo {
            endpoint: "unix:///run/containerd/containerd.sock".into(),
            name: "containerd".into(),
            version: "1.6.20~ds1".into(),
            api: "1.26".into(),
            api_from: "suites/cri/runtimes.toml: containerd 1.6".into(),
            capabilities: vec![
                capability("rpc:RuntimeConfig", false, "UNIMPLEMENTED"),
                capability("network", true, "NetworkReady is true"),
            ],
        },
        selected,
        touches: vec![
            "Pod sandboxes and containers named stdcheck-k3x9z1-*, removed at the end.".into(),
            "Images from a registry of our own at 127.0.0.1:41237, pulled by the target into its own store and \
             removed at the end."
                .into(),
        ],
        stdcheck: "0.1.0".into(),
    }))
}

pub fn cited(code: &str, level: Level, basis: Basis, says: &str) -> Cited {
    Cited {
        code: code.into(),
        level,
        basis,
        section: "rpc StopPodSandbox".into(),
        says: says.into(),
        cap: None,
    }
}

/// A check that passed, to be bent.
pub fn check(id: &str, title: &str, requires: Vec<Cited>) -> CheckResult {
    CheckResult {
        id: id.into(),
        title: title.into(),
        requires,
        verdict: Verdict::Pass,
        kind: None,
        reason: None,
        finding: None,
        exchanges: Vec::new(),
        waived: None,
        duration_ms: 12,
    }
}

pub fn exchange(
    what: &str,
    request: serde_json::Value,
    code: &str,
    message: &str,
) -> Arc<Exchange> {
    Arc::new(Exchange {
        what: what.into(),
        request,
        command: None,
        reply: (code == "OK").then(|| json!({})),
        code: code.into(),
        message: message.into(),
        at_ms: 3402,
        took_ms: 1.25,
    })
}

fn finding(
    codes: &[&str],
    expected: &str,
    actual: &str,
    exchange: usize,
    id: &str,
) -> Option<Finding> {
    Some(Finding {
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        expected: expected.into(),
        actual: actual.into(),
        exchange: Some(exchange),
        replay: format!(
            "stdcheck cri --socket /run/containerd/containerd.sock --select 'slug:{id}'"
        ),
    })
}

fn skip(id: &str, code: &str, kind: SkipKind, reason: &str) -> CheckResult {
    let requires = vec![cited(code, Level::Must, Basis::Stated, "Something holds.")];
    let check = check(id, "Something holds", requires);
    CheckResult {
        verdict: Verdict::Skip,
        kind: Some(kind),
        reason: Some(reason.into()),
        duration_ms: 0,
        ..check
    }
}

fn failed() -> CheckResult {
    let requires = vec![
        cited(
            "CRI-SB-011",
            Level::Must,
            Basis::Stated,
            "StopPodSandbox is idempotent: a second call on a sandbox that has been stopped returns no error.",
        ),
        cited(
            "CRI-SB-014",
            Level::Must,
            Basis::Read,
            "After StopPodSandbox the state is SANDBOX_NOTREADY.",
        ),
    ];
    let id = "cri.stop-pod-sandbox.twice";
    CheckResult {
        verdict: Verdict::Fail,
        reason: Some("the second StopPodSandbox was refused with NOT_FOUND".into()),
        finding: finding(&["CRI-SB-011"], "code OK", "code NOT_FOUND: an error occurred", 1, id),
        exchanges: vec![
            exchange(
                "RuntimeService/StopPodSandbox",
                json!({ "pod_sandbox_id": "4f1d" }),
                "OK",
                "",
            ),
            exchange(
                "RuntimeService/StopPodSandbox",
                json!({ "pod_sandbox_id": "4f1d" }),
                "NOT_FOUND",
                "an error occurred when try to find sandbox \"4f1d\": not found",
            ),
        ],
        ..check(id, "Stopping a sandbox twice is no error", requires)
    }
}

fn hostile() -> CheckResult {
    let requires = vec![cited(
        "CRI-CT-030",
        Level::Must,
        Basis::Read,
        "The annotations are echoed unchanged.",
    )];
    let id = "cri.container-status.echo[annotations]";
    let mut many = serde_json::Map::new();
    for at in 0..30 {
        many.insert(format!("label-{at}"), json!(format!("value {at} {HOSTILE}")));
    }
    let mut exchange = exchange(
        "RuntimeService/ContainerStatus",
        json!({ "container_id": HOSTILE }),
        "OK",
        HOSTILE,
    );
    Arc::make_mut(&mut exchange).reply =
        Some(json!({ "status": { "annotations": many, "id": "x".repeat(200) } }));
    CheckResult {
        verdict: Verdict::Fail,
        reason: Some(format!("the annotation came back as {HOSTILE}")),
        finding: finding(
            &["CRI-CT-030"],
            "reply.status.annotations == config.annotations",
            &format!("{HOSTILE}\n{}", "line\n".repeat(40)),
            0,
            id,
        ),
        exchanges: vec![exchange],
        ..check(id, "Annotations come back as they were given", requires)
    }
}

fn warned() -> CheckResult {
    let mut semver =
        cited("CRI-VER-003", Level::Must, Basis::Stated, "The API version is semver-compatible.");
    semver.cap = Some("every runtime answers v1, which is no semantic version".into());
    let id = "cri.version.api-semver";
    CheckResult {
        verdict: Verdict::Warn,
        reason: Some("runtime_api_version is \"v1\"".into()),
        finding: finding(
            &["CRI-VER-003"],
            "semver(reply.runtime_api_version)",
            "\"v1\" is no semver",
            0,
            id,
        ),
        exchanges: vec![exchange("RuntimeService/Version", json!({}), "OK", "")],
        ..check(id, "The API version is a semantic version", vec![semver])
    }
}

fn waived() -> CheckResult {
    let requires =
        vec![cited("CRI-SB-019", Level::Must, Basis::Stated, "An absent sandbox is an error.")];
    let id = "cri.pod-sandbox-status.absent";
    CheckResult {
        verdict: Verdict::Fail,
        reason: Some("PodSandboxStatus of an absent id answered OK".into()),
        finding: finding(&["CRI-SB-019"], "code NOT_FOUND", "code OK", 0, id),
        exchanges: vec![exchange(
            "RuntimeService/PodSandboxStatus",
            json!({ "pod_sandbox_id": "no" }),
            "OK",
            "",
        )],
        waived: Some("fixed upstream in 1.7; until 2026-03-01".into()),
        ..check(id, "The status of an absent sandbox is an error", requires)
    }
}

fn erred() -> CheckResult {
    let requires = vec![cited("CRI-CT-001", Level::Must, Basis::Stated, "A container is created.")];
    CheckResult {
        verdict: Verdict::Error,
        reason: Some(
            "the situation running-container could not be built: RunPodSandbox was refused".into(),
        ),
        exchanges: vec![exchange(
            "RuntimeService/RunPodSandbox",
            json!({ "config": { "metadata": { "name": "stdcheck-k3x9z1-7", "namespace": "stdcheck", "uid": "7" } } }),
            "UNKNOWN",
            "failed to setup network for sandbox: plugin type=\"bridge\" failed (add): no free addresses",
        )],
        ..check("cri.create-container.basic", "A container can be created", requires)
    }
}

/// Every kind of event, with a run that was interrupted or one that came to its end.
pub fn run(interrupted: bool) -> Vec<Event> {
    let version = cited("CRI-VER-001", Level::Must, Basis::Read, "Version names the runtime.");
    let results = vec![
        check("cri.version.names", "Version names the runtime", vec![version]),
        failed(),
        hostile(),
        warned(),
        waived(),
        erred(),
        skip(
            "cri.run-pod-sandbox.crash[nil-config]",
            "CRI-SB-008",
            SkipKind::NotChecked,
            "it may kill the target: give --restart-cmd CMD or --allow-crash",
        ),
        skip(
            "cri.status.network",
            "CRI-STA-003",
            SkipKind::NotChecked,
            "it needs the CNI folder: give --cni-conf DIR",
        ),
        skip(
            "cri.runtime-config.driver",
            "CRI-RCF-001",
            SkipKind::NotApplicable,
            "containerd 1.6 is older than RuntimeConfig (API 1.28)",
        ),
    ];
    let mut events =
        vec![header(results.len()), Event::Note("The socket is owned by root; so are we.".into())];
    for result in results {
        events.push(Event::CheckStarted { id: result.id.clone() });
        events.push(Event::CheckFinished(Box::new(result)));
    }
    events.extend([
        Event::TargetDied {
            during: vec!["cri.version.names".into(), "cri.status.conditions".into()],
            how: format!("the connection ended, and the process behind the socket changed from 812 to none {HOSTILE}"),
        },
        Event::TargetRestarted { took_ms: 2310 },
        Event::CleanupFailed {
            of: "running-container".into(),
            message: format!("sandbox 77aa is still listed: {HOSTILE}"),
        },
        Event::RunFinished(Box::new(Finish {
            interrupted,
            wall_ms: 14_230.5,
            target_ms: 13_100.25,
            bad_waivers: vec!["waivers.toml:7: CRI-SB-099 is unknown: remove the entry or correct the code".into()],
            ended_early: None,
            unattributed_deaths: vec!["two checks were in flight, and each passed when run again".into()],
        })),
    ]);
    events
}

/// A run over which nobody needs to lose sleep.
pub fn good() -> Vec<Event> {
    let version = cited("CRI-VER-001", Level::Must, Basis::Read, "Version names the runtime.");
    vec![
        header(1),
        Event::CheckFinished(Box::new(check(
            "cri.version.names",
            "Version names the runtime",
            vec![version],
        ))),
        Event::RunFinished(Box::new(Finish {
            wall_ms: 120.0,
            target_ms: 111.0,
            ..Finish::default()
        })),
    ]
}
