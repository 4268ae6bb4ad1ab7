//! `--waivers FILE`: what a waiver does, and each way in which it can be wrong.

use stdcheck::proto::cri::v1::VersionResponse;

use crate::{
    double::Double,
    harness::{Bench, Told},
};

/// A run on a runtime that tells no name of its own, with these waivers.
fn run(waivers: &str) -> Told {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.after("RuntimeService/Version", |_, answer| {
        answer.edit(|reply: &mut VersionResponse| reply.runtime_name.clear());
    });
    let file = bench.write("waivers.toml", waivers).display().to_string();
    bench.cri(&double.socket, &["--select", "cri.version.*", "--waivers", &file])
}

fn waiver(of: &str, until: &str) -> String {
    format!("[[waiver]]\nof = \"{of}\"\nreason = \"ticket 7\"\nuntil = \"{until}\"\n")
}

const FAR: &str = "2999-12-31";

#[test]
fn without_one_the_run_fails() {
    assert_eq!(run("").code, 1);
}

#[test]
fn a_valid_one_opens_the_gate_and_the_finding_is_still_shown() {
    // By slug, or by the code that is shown broken.
    for of in ["cri.version.names", "CRI-VER-001"] {
        let told = run(&waiver(of, FAR));
        assert_eq!(told.code, 0, "{told:?}");
        let check = told.check("cri.version.names");
        assert_eq!(check["verdict"], "fail");
        assert_eq!(check["waived"], format!("ticket 7; until {FAR}"));
        assert_eq!(
            told.report["conclusion"], "not-conformant",
            "a waiver makes nothing conformant"
        );
        assert!(told.stdout.contains("waived"), "{}", told.stdout);
        assert!(told.stdout.contains("ticket 7"), "{}", told.stdout);
    }
}

#[test]
fn one_that_no_longer_holds_fails_the_run() {
    let good = waiver("cri.version.names", FAR);
    for (bad, message) in [
        (
            waiver("cri.version.version-field", FAR),
            "stale waiver: `cri.version.version-field` no longer fails; take the waiver out",
        ),
        (
            waiver("CRI-VER-002", FAR),
            "stale waiver: `CRI-VER-002` no longer fails; take the waiver out",
        ),
        (
            waiver("cri.version.nothing", FAR),
            "unknown waiver: the suite has no check or requirement `cri.version.nothing`",
        ),
    ] {
        let told = run(&format!("{good}{bad}"));
        assert_eq!(told.code, 1, "{told:?}");
        assert_eq!(told.report["bad_waivers"], serde_json::json!([message]));
        assert!(told.check("cri.version.names")["waived"].is_string());
        // The terminal breaks its lines where it likes.
        let stdout = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(stdout.contains(message), "{}", told.stdout);
    }
}

#[test]
fn an_expired_one_accepts_nothing() {
    let told = run(&waiver("cri.version.names", "2020-01-31"));
    assert_eq!(told.code, 1, "{told:?}");
    let bad = told.report["bad_waivers"][0].as_str().expect("text");
    assert_eq!(
        bad,
        "expired waiver: `cri.version.names` was accepted until 2020-01-31 (ticket 7); fix it or \
         renew the waiver"
    );
    assert!(told.check("cri.version.names")["waived"].is_null());
}

#[test]
fn one_for_what_was_not_run_is_not_stale() {
    let told = run(&format!(
        "{}{}",
        waiver("cri.version.names", FAR),
        waiver("cri.stop-sandbox.twice", FAR)
    ));
    assert_eq!(told.code, 0, "{:?}", told.report["bad_waivers"]);
}

/// A file with one mistake: what is said of it, and where.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("[[waiver]]\nof = \"x\"\nreason = \"r\"\n", "missing field `until`", "1:1"),
    ("[[waiver]]\nid = \"x\"\n", "unknown field `id`", "2:1"),
    (
        "[[waiver]]\nof = \"x\"\nreason = \"r\"\nuntil = \"soon\"\n",
        "`until` is a day like \"2027-01-31\"",
        "4:9",
    ),
    (
        "[[waiver]]\nof = \"x\"\nreason = \" \"\nuntil = \"2999-01-01\"\n",
        "a waiver says its reason",
        "3:10",
    ),
    ("[[waiver]\n", "", "1:10"),
];

#[test]
fn a_mistake_in_the_file_is_told_with_its_place() {
    for (text, message, place) in MISTAKES {
        let told = run(text);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.report.is_null(), "nothing was run");
        assert!(told.stderr.contains(message), "{}", told.stderr);
        assert!(told.stderr.contains(&format!("waivers.toml:{place}")), "{}", told.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_read() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let file = bench.file("no.toml").display().to_string();
    let told = bench.cri(&double.socket, &["--waivers", &file]);
    assert_eq!(told.code, 2, "{told:?}");
    let start = format!("stdcheck: cannot read the waivers {file}: No such file");
    assert!(told.message().starts_with(&start), "{}", told.stderr);
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
}
