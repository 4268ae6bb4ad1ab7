//! What the reports look like, from a run made by hand; no target is needed.

#[path = "reports/refusing.rs"]
mod refusing;
#[path = "reports/sample.rs"]
mod sample;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use stdcheck::events::Event;
use stdcheck::report::{Finished, Gate, ReportKind, ReportSpec, Reports, Terminal};
use stdcheck::verdict::{Basis, Level, Verdict, exit};

/// A stream that can still be read after a report has taken it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// What came, without colours.
    fn text(&self) -> String {
        let styled = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        anstream::adapter::strip_str(&styled).to_string()
    }
}

fn terminal(events: Vec<Event>, gate: Gate) -> (String, i32) {
    let out = Shared::default();
    let mut reports = Reports::open(&[], None, gate).unwrap();
    reports.add(Terminal::on(out.clone()));
    events.into_iter().for_each(|event| reports.event(event));
    let Finished { exit_code: code, errors, .. } = reports.finish();
    assert!(errors.is_empty(), "{errors:?}");
    (out.text(), code)
}

fn file(kind: ReportKind, events: Vec<Event>, gate: Gate) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let mut reports =
        Reports::open(&[ReportSpec { kind, path: path.clone() }], None, gate).unwrap();
    events.into_iter().for_each(|event| reports.event(event));
    let errors = reports.finish().errors;
    assert!(errors.is_empty(), "{errors:?}");
    fs::read_to_string(path).unwrap()
}

/// quick-junit wants a name that is optional elsewhere, and that junit-report cannot write.
fn parse(xml: &str) -> Result<quick_junit::Report, quick_junit::DeserializeError> {
    quick_junit::Report::deserialize_from_str(&xml.replacen(
        "<testsuites>",
        "<testsuites name=\"stdcheck\">",
        1,
    ))
}

const STRICT: Gate = Gate { strict: true, deny_partial: true };

#[test]
fn the_terminal_tells_everything() {
    let (text, code) = terminal(sample::run(false), Gate::default());
    assert_eq!(code, exit::FAILED);
    insta::assert_snapshot!(text);
}

#[test]
fn the_terminal_is_calm_when_all_is_well() {
    let (text, code) = terminal(sample::good(), Gate::default());
    assert_eq!(code, exit::OK);
    insta::assert_snapshot!(text);
}

#[test]
fn the_terminal_tells_of_an_interruption() {
    let (text, code) = terminal(sample::run(true), STRICT);
    assert_eq!(code, exit::INTERRUPTED);
    let last = text.lines().last().unwrap();
    assert_eq!(last, "  exit code     130: the run was interrupted.");
}

#[test]
fn the_terminal_keeps_to_80_columns() {
    let (text, _) = terminal(sample::run(false), Gate::default());
    for line in text.lines() {
        // The command is there to be copied, so it is never broken.
        let is_command = line.starts_with("  again ");
        assert!(is_command || line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn no_report_holds_what_harms() {
    let (text, _) = terminal(sample::run(false), Gate::default());
    let junit = file(ReportKind::Junit, sample::run(false), Gate::default());
    let json = file(ReportKind::Json, sample::run(false), Gate::default());
    for report in [text, junit, json] {
        assert!(!report.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\0', '\r', '\u{fffe}']));
    }
}

#[test]
fn junit_has_a_case_for_each_check() {
    let xml = file(ReportKind::Junit, sample::run(false), Gate::default());
    insta::assert_snapshot!(xml);
    let report = parse(&xml).unwrap();
    let cases = || report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    // Nine checks, and the two things that failed the run without being a check's verdict.
    assert_eq!(cases().count(), 11);
    let mut names =
        cases().map(|case| (case.classname.clone(), case.name.clone())).collect::<Vec<_>>();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 11);
}

#[test]
fn junit_fails_warnings_under_strict() {
    let warned = |gate| {
        let report = file(ReportKind::Junit, sample::run(false), gate);
        let report = parse(&report).unwrap();
        let mut cases = report.test_suites.into_iter().flat_map(|suite| suite.test_cases);
        let case = cases.find(|case| case.name.as_str() == "cri.version.api-semver").unwrap();
        case.status
    };
    assert!(matches!(warned(Gate::default()), quick_junit::TestCaseStatus::Success { .. }));
    assert!(matches!(warned(STRICT), quick_junit::TestCaseStatus::NonSuccess { .. }));
}

#[test]
fn junit_tells_of_an_interruption() {
    let xml = file(ReportKind::Junit, sample::run(true), Gate::default());
    assert!(
        xml.contains(r#"<error type="incomplete" message="the run was interrupted">"#),
        "{xml}"
    );
}

#[test]
fn json_holds_the_run() {
    let json = file(ReportKind::Json, sample::run(false), Gate::default());
    insta::assert_snapshot!(json);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        report["checks"][0]["evidence"][0]["request"]["container_id"],
        sample::HOSTILE,
        "evidence is exact"
    );
}

#[test]
fn what_is_refused_again_and_again_is_in_every_report() {
    let line = "3 checks could not be made: RuntimeService/RunPodSandbox gives UNKNOWN (first: no \
                free addresses)";
    let (text, _) = terminal(refusing::run(), Gate::default());
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains(line), "{text}");
    let json = file(ReportKind::Json, refusing::run(), Gate::default());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["refused_again_and_again"][0]["line"], line);
    assert_eq!(json["refused_again_and_again"][0]["checks"].as_array().unwrap().len(), 3);
    let xml = file(ReportKind::Junit, refusing::run(), Gate::default());
    assert!(xml.contains("cri.run.refused-again-and-again") && xml.contains(line), "{xml}");
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut events = sample::run(false);
    let results = 2..events.len() - 4;
    let forwards =
        [ReportKind::Junit, ReportKind::Json].map(|kind| file(kind, events.clone(), STRICT));
    events[results].reverse();
    let backwards =
        [ReportKind::Junit, ReportKind::Json].map(|kind| file(kind, events.clone(), STRICT));
    assert_eq!(forwards, backwards);
}

fn log(dir: &Path) -> Vec<String> {
    let mut reports = Reports::open(&[], Some(dir), Gate::default()).unwrap();
    sample::run(false).into_iter().for_each(|event| reports.event(event));
    drop(reports);
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_log_folder_has_a_file_for_each_finding_even_if_the_run_never_ends() {
    let dir = tempfile::tempdir().unwrap();
    let expected = [
        "cri.container-status.echo-annotations.txt",
        "cri.create-container.basic.txt",
        "cri.pod-sandbox-status.absent.txt",
        "cri.stop-pod-sandbox.twice.txt",
        "cri.version.api-semver.txt",
    ];
    assert_eq!(log(&dir.path().join("new/logs")), expected);
    insta::assert_snapshot!(
        fs::read_to_string(dir.path().join("new/logs").join(expected[3])).unwrap()
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_and_after() {
    let open = |specs: &[&str]| {
        let specs: Vec<ReportSpec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        Reports::open(&specs, None, Gate::default())
    };
    let early = open(&["junit=/no/such/folder/out.xml"]).err().unwrap().to_string();
    assert_eq!(
        early,
        "cannot write /no/such/folder/out.xml: No such file or directory (os error 2); \
         create the folder /no/such/folder first"
    );
    let twice = open(&["junit=/dev/null", "json=/dev/null"]).err().unwrap().to_string();
    assert_eq!(twice, "two reports would go to /dev/null: give each a file of its own");

    let out = Shared::default();
    let mut reports = open(&["junit=/dev/full"]).unwrap();
    reports.add(Terminal::on(out.clone()));
    sample::good().into_iter().for_each(|event| reports.event(event));
    let Finished { exit_code: code, errors, .. } = reports.finish();
    assert_eq!((code, errors.len()), (exit::USAGE, 1));
    assert!(
        out.text()
            .ends_with("exit code     2: a report could not be written; the message follows.\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn junit_is_always_xml(
        id in any::<String>(), title in any::<String>(), reason in "(.|[\\x00-\\x1f]|\\]\\]>|\n){0,80}",
        code in any::<String>(), verdict in prop::sample::select(Verdict::ALL.to_vec()), waived in any::<bool>(),
    ) {
        let cited = sample::cited(&code, Level::Must, Basis::Stated, &reason);
        let mut result = sample::check(&id, &title, vec![cited]);
        result.verdict = verdict;
        result.waived = waived.then(|| reason.clone());
        result.exchanges = vec![sample::exchange(&title, serde_json::json!({ &id: &reason }), "OK", &reason)];
        result.reason = Some(reason);
        let mut events = vec![sample::header(1), Event::CheckFinished(Box::new(result))];
        events.push(sample::good().pop().unwrap());
        let xml = file(ReportKind::Junit, events, Gate::default());
        prop_assert!(!xml.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        let report = parse(&xml);
        prop_assert!(report.is_ok(), "{:?}\n{}", report, xml);
    }
}
