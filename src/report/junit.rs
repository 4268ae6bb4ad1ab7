//! `--report junit=FILE`: one test case for each check, for CI systems.
//!
//! The crate junit-report writes what it is given: a raw newline in a message, a control character, or a `]]>`
//! in a text would break the file. Every text passes [`clean_xml`] or [`first_line`] here.

use std::collections::BTreeMap;

use junit_report::{Duration, OffsetDateTime, ReportBuilder, TestCase, TestCaseBuilder, TestSuite};

use super::End;
use super::clean::{clean_xml, first_line};
use super::evidence::{Bounds, concerned, rows};
use super::refusing;
use crate::events::{CheckResult, Finish, Header};
use crate::verdict::Verdict;

/// The most that one test case tells; CI systems show it in one box.
const TRACE: usize = 64 * 1024;
/// The most that a message has: CI systems show it in a list.
const MESSAGE: usize = 240;
const BOUNDS: Bounds = Bounds { width: 100, lines: 60, cut: false, all: true };

/// The document of a run. Suites and cases are in order of their names, whatever `-j` was.
pub(super) fn render(end: &End<'_>) -> String {
    let no_header = Header::default();
    let header = end.record.header.as_ref().unwrap_or(&no_header);
    let mut suites = BTreeMap::<String, Vec<TestCase>>::new();
    for result in &end.record.results {
        let case = of_check(&header.standard, result, end.gate.strict);
        suites.entry(section(result)).or_default().push(case);
    }
    let of_run = of_run(&header.standard, end);
    if !of_run.is_empty() {
        suites.entry("run".into()).or_default().extend(of_run);
    }
    let began = began(header);
    let suites = suites.into_iter().map(|(name, testcases)| TestSuite {
        package: format!("stdcheck.{}", header.standard),
        timestamp: began,
        testcases,
        ..TestSuite::new(&name)
    });
    let mut xml = Vec::new();
    let report = ReportBuilder::new().add_testsuites(suites).build();
    report.write_xml(&mut xml).expect("a vector takes every byte");
    String::from_utf8_lossy(&xml).into_owned() + "\n"
}

/// `CRI-SB` of `CRI-SB-012`; for a check without requirements, the first two parts of its slug.
fn section(result: &CheckResult) -> String {
    let of_code = result.requires.first().and_then(|cited| cited.code.rsplit_once('-'));
    let section = match of_code {
        Some((section, _)) => section.to_owned(),
        None => result.id.split('.').take(2).collect::<Vec<_>>().join("."),
    };
    first_line(&section, MESSAGE)
}

fn of_check(standard: &str, result: &CheckResult, strict: bool) -> TestCase {
    let topic = result.id.split(['.', '[']).nth(1).unwrap_or("check");
    let codes = concerned(result).map(|cited| cited.code.as_str()).collect::<Vec<_>>().join(",");
    let kind = first_line(if codes.is_empty() { "stdcheck" } else { &codes }, MESSAGE);
    let name = first_line(&result.id, usize::MAX);
    let time = Duration::milliseconds(i64::try_from(result.duration_ms).unwrap_or(i64::MAX));
    let why = message(result);
    let skipped = |kind: &str, message: &str| {
        let mut case = TestCase::skipped_with_cause(&name, kind, &first_line(message, MESSAGE));
        case.time = time;
        TestCaseBuilder { testcase: case }
    };
    let mut case = match (&result.waived, result.verdict) {
        (Some(waiver), _) => {
            let mut case = skipped("waived", &format!("waived: {waiver}"));
            case.set_system_out(&told(result));
            case
        }
        (None, Verdict::Pass) => TestCaseBuilder::success(&name, time),
        (None, Verdict::Skip) => {
            let skip = result.kind.map_or_else(|| "skip".to_owned(), |kind| kind.to_string());
            skipped(
                &skip,
                &format!("{skip}: {}", result.reason.as_deref().unwrap_or("no reason given")),
            )
        }
        (None, Verdict::Warn) if !strict => {
            let mut case = TestCaseBuilder::success(&name, time);
            case.set_system_out(&clean_xml(&format!("WARN {why}\n\n{}", told(result)), TRACE));
            case
        }
        (None, Verdict::Fail | Verdict::Warn) => TestCaseBuilder::failure(&name, time, &kind, &why),
        (None, Verdict::Error) => TestCaseBuilder::error(&name, time, &kind, &why),
    };
    case.set_classname(&first_line(&format!("stdcheck.{standard}.{topic}"), usize::MAX));
    case.set_trace(&told(result));
    case.build()
}

/// One line that says what is wrong: which requirement, and what was seen.
fn message(result: &CheckResult) -> String {
    let seen = result.finding.as_ref().map(|finding| finding.actual.as_str());
    let why = result.reason.as_deref().or(seen).unwrap_or("no reason given");
    let about = match concerned(result).next() {
        Some(cited) if result.finding.is_some() => format!("{} {}: ", cited.code, cited.level),
        _ => String::new(),
    };
    first_line(&format!("{about}{why}"), MESSAGE)
}

/// The evidence as text.
fn told(result: &CheckResult) -> String {
    let mut text = format!("{}\n\n", result.title);
    for row in rows(result, BOUNDS) {
        for (at, line) in row.lines.iter().enumerate() {
            text.push_str(&format!("{:10}{line}\n", if at == 0 { row.label } else { "" }));
        }
    }
    clean_xml(&text, TRACE)
}

/// What fails a run without being the verdict of a check: a case each, only where there is something to tell, so
/// that a CI system is never green when the exit code is not.
fn of_run(standard: &str, end: &End<'_>) -> Vec<TestCase> {
    let no_finish = Finish::default();
    let finish = end.record.finish.as_ref().unwrap_or(&no_finish);
    let case = |mut case: TestCaseBuilder, trace: &[String]| {
        case.set_classname(&first_line(&format!("stdcheck.{standard}.run"), MESSAGE));
        case.set_trace(&clean_xml(&trace.join("\n"), TRACE)).build()
    };
    let failure = |name: &str, kind: &str, told: &[String]| {
        let message = first_line(&told.join("\n"), MESSAGE);
        case(
            TestCaseBuilder::failure(
                &format!("{standard}.run.{name}"),
                Duration::ZERO,
                kind,
                &message,
            ),
            told,
        )
    };
    let mut cases = Vec::new();
    if !end.summary.complete {
        let why = match &finish.ended_early {
            Some(why) => why.clone(),
            None if finish.interrupted => "the run was interrupted".into(),
            None => "the run was cut off before its last check".into(),
        };
        let name = format!("{standard}.run.complete");
        let error =
            TestCaseBuilder::error(&name, Duration::ZERO, "incomplete", &first_line(&why, MESSAGE));
        cases.push(case(error, &[why]));
    }
    // The checks are errors one by one; this says what they have in common.
    let refusing = refusing::find(&end.record.results);
    if !refusing.is_empty() {
        let lines: Vec<String> = refusing.into_iter().map(|refusing| refusing.line).collect();
        let name = format!("{standard}.run.refused-again-and-again");
        let message = first_line(&lines.join("; "), MESSAGE);
        let error = TestCaseBuilder::error(&name, Duration::ZERO, "refused", &message);
        cases.push(case(error, &lines));
    }
    if !finish.unattributed_deaths.is_empty() {
        cases.push(failure("target-alive", "death", &finish.unattributed_deaths));
    }
    if !finish.bad_waivers.is_empty() {
        cases.push(failure("waivers", "waiver", &finish.bad_waivers));
    }
    cases
}

fn began(header: &Header) -> OffsetDateTime {
    let seconds = header.started_at.parse::<jiff::Timestamp>().map_or(0, |began| began.as_second());
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
