//! `--report json=FILE`: the whole run for programs, versioned, with a schema.
//!
//! Texts are cleaned as everywhere. Evidence is the exact value: what could harm a terminal is written as a JSON
//! escape, so a parser reads what the target sent.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::End;
use super::clean::escape_json;
use super::record::{CleanupFailure, Death};
use super::refusing::{self, Refusing};
use super::summary::{Counts, RequirementResult};
use crate::events::{CheckResult, Exchange, Finding, Finish, Header, TargetInfo};
use crate::verdict::{Basis, Conclusion, Level, SkipKind, Verdict};

/// The name and version of the form. A change that breaks a reader gets a new number.
pub const SCHEMA: &str = "stdcheck-report/1";

/// What stdcheck found out about a target.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stdcheck report", deny_unknown_fields)]
struct Report<'a> {
    /// The form of this document.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// What the run says of the target; waivers do not change it.
    conclusion: Conclusion,
    /// The answer of the gate: waivers, `--strict` and `--deny partial` are in it. The process ends with this
    /// code, or with 2 if another report could not be written.
    exit_code: i32,
    /// The standard's short name: `cri`.
    standard: &'a str,
    /// Checks by verdict; a waived finding counts by its verdict.
    counts: &'a Counts,
    /// What was checked.
    target: &'a TargetInfo,
    /// Which run this was.
    run: Run<'a>,
    /// Where the time went.
    time: Time,
    /// One for each selected check, by id.
    checks: Vec<Check<'a>>,
    /// One for each requirement that a selected check is about, by code.
    requirements: Vec<&'a RequirementResult>,
    /// Rpcs that the target refuses again and again from some point on: one reason for many errors.
    refused_again_and_again: Vec<Refusing<'a>>,
    /// Remarks that are nobody's verdict.
    notes: &'a [String],
    /// What the run made and could not take away again.
    cleanup_failures: &'a [CleanupFailure],
    /// Waivers that are stale, expired or unknown.
    bad_waivers: &'a [String],
    /// Each time that the target died.
    deaths: &'a [Death],
    /// Deaths that no single check could be shown to cause.
    unattributed_deaths: &'a [String],
    /// Ctrl-C or SIGTERM ended the run.
    interrupted: bool,
    /// Why the run ended before its last check, if it did.
    ended_early: Option<&'a str>,
}

/// Which run a report is of.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Run<'a> {
    /// The run's identifier, which is in the name of every object that it made.
    id: &'a str,
    /// When it began, RFC 3339 in UTC.
    started_at: &'a str,
    /// The command line.
    command: &'a [String],
    /// The version of stdcheck.
    stdcheck: &'a str,
    /// Whether warnings fail the gate.
    strict: bool,
    /// Whether a partial conclusion fails the gate.
    deny_partial: bool,
    /// How many checks were selected.
    selected: usize,
}

/// Where the time went, milliseconds.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Time {
    /// From process start to the end of the last cleanup.
    wall_ms: f64,
    /// During which a call, a set wait or a restart was pending.
    target_ms: f64,
    /// The rest: what stdcheck itself took.
    own_ms: f64,
}

/// One check and what came of it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Check<'a> {
    /// The slug, with its case in brackets.
    id: &'a str,
    /// What it shows, as a sentence.
    title: &'a str,
    /// The codes of the requirements that it can show broken.
    requires: Vec<&'a str>,
    /// The strongest level of these.
    level: Option<Level>,
    /// The strongest basis of that level.
    basis: Option<Basis>,
    /// The verdict.
    verdict: Verdict,
    /// For skips: which kind.
    kind: Option<SkipKind>,
    /// For everything but pass: one line that says why.
    reason: Option<&'a str>,
    /// What is broken; for fail and warn.
    finding: Option<&'a Finding>,
    /// The exchanges with the target, in order; secrets are redacted, long values cut.
    evidence: &'a [Arc<Exchange>],
    /// The waiver that accepts the finding, if one does.
    waived: Option<&'a str>,
    /// Milliseconds without the set-up of shared situations.
    duration_ms: u64,
}

impl<'a> Check<'a> {
    fn new(result: &'a CheckResult) -> Self {
        let strongest = result.requires.iter().map(|cited| (cited.level, cited.basis)).max();
        Check {
            id: &result.id,
            title: &result.title,
            requires: result.requires.iter().map(|cited| cited.code.as_str()).collect(),
            level: strongest.map(|(level, _)| level),
            basis: strongest.map(|(_, basis)| basis),
            verdict: result.verdict,
            kind: result.kind,
            reason: result.reason.as_deref(),
            finding: result.finding.as_ref(),
            evidence: &result.exchanges,
            waived: result.waived.as_deref(),
            duration_ms: result.duration_ms,
        }
    }
}

/// The document of a run.
pub(super) fn render(end: &End<'_>) -> String {
    let (no_header, no_finish) = (Header::default(), Finish::default());
    let header = end.record.header.as_ref().unwrap_or(&no_header);
    let finish = end.record.finish.as_ref().unwrap_or(&no_finish);
    let report = Report {
        schema: SCHEMA,
        conclusion: end.summary.conclusion,
        exit_code: end.exit_code,
        standard: &header.standard,
        counts: &end.summary.counts,
        target: &header.target,
        run: Run {
            id: &header.run_id,
            started_at: &header.started_at,
            command: &header.command,
            stdcheck: &header.stdcheck,
            strict: end.gate.strict,
            deny_partial: end.gate.deny_partial,
            selected: header.selected,
        },
        time: Time {
            wall_ms: finish.wall_ms,
            target_ms: finish.target_ms,
            own_ms: (finish.wall_ms - finish.target_ms).max(0.0),
        },
        checks: end.record.results.iter().map(Check::new).collect(),
        requirements: end.summary.requirements.values().collect(),
        refused_again_and_again: refusing::find(&end.record.results),
        notes: &end.record.notes,
        cleanup_failures: &end.record.cleanup_failures,
        bad_waivers: &finish.bad_waivers,
        deaths: &end.record.deaths,
        unattributed_deaths: &finish.unattributed_deaths,
        interrupted: finish.interrupted,
        ended_early: finish.ended_early.as_deref(),
    };
    let json =
        serde_json::to_string_pretty(&report).expect("strings, numbers and lists are always JSON");
    escape_json(&json) + "\n"
}

/// The JSON schema of the document; committed as `docs/report.schema.json`.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report<'_>>()
        .to_value()
}
