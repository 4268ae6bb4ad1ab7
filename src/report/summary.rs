//! What a run says in the end: counts, requirements, the conclusion, and the exit code.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Record;
use crate::events::CheckResult;
use crate::verdict::{Basis, Conclusion, Level, SkipKind, Verdict, exit};

/// How many checks have each verdict. Waived findings count by their verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Every expectation held.
    pub pass: usize,
    /// A MUST is broken, or the target died.
    pub fail: usize,
    /// A SHOULD, or anything derived, is broken.
    pub warn: usize,
    /// It could not be found out.
    pub error: usize,
    /// Not judged.
    pub skip: usize,
}

impl Counts {
    /// The count of one verdict.
    pub fn of(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Fail => self.fail,
            Verdict::Warn => self.warn,
            Verdict::Error => self.error,
            Verdict::Skip => self.skip,
        }
    }

    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Warn => &mut self.warn,
            Verdict::Error => &mut self.error,
            Verdict::Skip => &mut self.skip,
        } += 1;
    }
}

/// What all checks of one requirement say together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequirementResult {
    /// The stable code.
    pub code: String,
    /// The level at the API version that the target is judged by.
    pub level: Level,
    /// The basis of that level.
    pub basis: Basis,
    /// The place in the specification.
    pub section: String,
    /// Our paraphrase of the sentence.
    pub says: String,
    /// Why a breach is a warning at most, where it is.
    pub cap: Option<String>,
    /// The worst verdict of its checks.
    pub verdict: Verdict,
    /// For skips: `not-checked` if any of its checks was that, else `not-applicable`.
    pub kind: Option<SkipKind>,
    /// Whether a breach is a failure: a MUST, stated or read, without a cap.
    #[serde(skip)]
    pub binding: bool,
}

impl RequirementResult {
    /// A requirement that must be kept, of which the run does not know whether it is.
    fn is_unknown(&self) -> bool {
        self.binding && (self.verdict == Verdict::Error || self.kind == Some(SkipKind::NotChecked))
    }
}

/// The fold over a whole run that every closing word is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many checks the selection held.
    pub selected: usize,
    /// Checks by verdict.
    pub counts: Counts,
    /// Requirements by code.
    pub requirements: BTreeMap<String, RequirementResult>,
    /// Findings that a waiver accepts.
    pub waived: usize,
    /// Failures that no waiver accepts.
    pub open_fails: usize,
    /// Warnings that no waiver accepts.
    pub open_warns: usize,
    /// Waivers that are stale, expired or unknown.
    pub bad_waivers: usize,
    /// Deaths of the target that no check could be shown to cause.
    pub unattributed_deaths: usize,
    /// Ctrl-C or SIGTERM ended the run.
    pub interrupted: bool,
    /// The run came to its last check, and each selected check has its verdict.
    pub complete: bool,
    /// What the run says of the target. Waivers do not change it.
    pub conclusion: Conclusion,
}

impl Summary {
    /// Sums a run up.
    pub fn of(record: &Record) -> Self {
        let mut counts = Counts::default();
        let mut requirements = BTreeMap::new();
        for result in &record.results {
            counts.add(result.verdict);
            fold_requirements(&mut requirements, result);
        }
        let open = |verdict| {
            let is_open =
                |result: &&CheckResult| result.verdict == verdict && result.waived.is_none();
            record.results.iter().filter(is_open).count()
        };
        let selected = record.header.as_ref().map_or(0, |header| header.selected);
        let finish = record.finish.as_ref();
        let mut summary = Summary {
            selected,
            waived: record.results.iter().filter(|result| result.waived.is_some()).count(),
            open_fails: open(Verdict::Fail),
            open_warns: open(Verdict::Warn),
            bad_waivers: finish.map_or(0, |finish| finish.bad_waivers.len()),
            unattributed_deaths: finish.map_or(0, |finish| finish.unattributed_deaths.len()),
            interrupted: finish.is_some_and(|finish| finish.interrupted),
            complete: record.header.is_some()
                && record.results.len() >= selected
                && finish.is_some_and(|finish| !finish.interrupted && finish.ended_early.is_none()),
            counts,
            requirements,
            conclusion: Conclusion::Conformant,
        };
        summary.conclusion = summary.conclude();
        summary
    }

    /// Requirements that must be kept and are not.
    pub fn broken(&self) -> impl Iterator<Item = &RequirementResult> {
        self.requirements.values().filter(|requirement| requirement.verdict == Verdict::Fail)
    }

    /// Requirements that must be kept, and it is not known whether they are.
    pub fn unknown(&self) -> impl Iterator<Item = &RequirementResult> {
        self.requirements.values().filter(|requirement| requirement.is_unknown())
    }

    fn conclude(&self) -> Conclusion {
        if self.counts.fail > 0 || self.unattributed_deaths > 0 {
            Conclusion::NotConformant
        } else if self.selected == 0 || !self.complete || self.unknown().next().is_some() {
            // A run over nothing, or one that was cut off, must not read as praise.
            Conclusion::Partial
        } else {
            Conclusion::Conformant
        }
    }
}

fn fold_requirements(requirements: &mut BTreeMap<String, RequirementResult>, result: &CheckResult) {
    // A finding whose codes are not among the check's own would otherwise vanish from the requirements.
    let named = result.finding.as_ref().map(|finding| &finding.codes);
    let named =
        named.filter(|codes| result.requires.iter().any(|cited| codes.contains(&cited.code)));
    for cited in &result.requires {
        // The finding ended the check: what it would have said of its other requirements is not known.
        let (verdict, kind) = match named {
            Some(codes) if !codes.contains(&cited.code) => {
                (Verdict::Skip, Some(SkipKind::NotChecked))
            }
            _ => (result.verdict, result.kind.filter(|_| result.verdict == Verdict::Skip)),
        };
        let entry = requirements.entry(cited.code.clone()).or_insert_with(|| RequirementResult {
            code: cited.code.clone(),
            level: cited.level,
            basis: cited.basis,
            section: cited.section.clone(),
            says: cited.says.clone(),
            cap: cited.cap.clone(),
            verdict,
            kind,
            binding: Verdict::of_breach(cited.level, cited.basis, cited.cap.is_some())
                == Verdict::Fail,
        });
        entry.verdict = entry.verdict.max(verdict);
        entry.kind = entry.kind.max(kind).filter(|_| entry.verdict == Verdict::Skip);
    }
}

/// The exit code, by the order that [`exit`] documents. Findings with a waiver do not count; an incomplete run
/// counts as an error, so that a time-out is never green.
pub fn exit_code(summary: &Summary, strict: bool, deny_partial: bool) -> i32 {
    let failed = summary.open_fails > 0
        || (strict && summary.open_warns > 0)
        || summary.bad_waivers > 0
        || summary.unattributed_deaths > 0;
    if summary.interrupted {
        exit::INTERRUPTED
    } else if failed {
        exit::FAILED
    } else if summary.counts.error > 0 || !summary.complete {
        exit::ERROR
    } else if summary.selected == 0 {
        exit::NOTHING_SELECTED
    } else if deny_partial && summary.conclusion == Conclusion::Partial {
        exit::PARTIAL
    } else {
        exit::OK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Cited, Finding, Finish, Header};

    fn check(code: &str, verdict: Verdict) -> CheckResult {
        CheckResult {
            id: format!("cri.{code}"),
            title: String::new(),
            requires: vec![cited(code)],
            verdict,
            kind: None,
            reason: None,
            finding: None,
            exchanges: Vec::new(),
            waived: None,
            duration_ms: 1,
        }
    }

    fn skip(code: &str, kind: SkipKind) -> CheckResult {
        CheckResult { kind: Some(kind), ..check(code, Verdict::Skip) }
    }

    fn waived(check: CheckResult) -> CheckResult {
        CheckResult { waived: Some("known".into()), ..check }
    }

    fn cited(code: &str) -> Cited {
        Cited {
            code: code.into(),
            level: Level::Must,
            basis: Basis::Stated,
            section: String::new(),
            says: String::new(),
            cap: None,
        }
    }

    fn run(results: Vec<CheckResult>, finish: Finish) -> Summary {
        let header = Header { selected: results.len(), ..Header::default() };
        Summary::of(&Record {
            header: Some(header),
            results,
            finish: Some(finish),
            ..Record::default()
        })
    }

    /// The conclusion and the exit codes plain, under `--strict`, and under `--deny partial`.
    fn told(results: Vec<CheckResult>, finish: Finish) -> (Conclusion, [i32; 3]) {
        let summary = run(results, finish);
        let codes = [(false, false), (true, false), (false, true)]
            .map(|(strict, deny_partial)| exit_code(&summary, strict, deny_partial));
        (summary.conclusion, codes)
    }

    use Conclusion::{Conformant, NotConformant, Partial};
    use SkipKind::{NotApplicable, NotChecked};
    use Verdict::{Error, Fail, Pass, Warn};

    #[test]
    fn ok_when_all_is_well() {
        assert_eq!(told(vec![check("A", Pass)], Finish::default()), (Conformant, [0, 0, 0]));
        let harmless = vec![check("A", Pass), skip("B", NotApplicable)];
        assert_eq!(told(harmless, Finish::default()), (Conformant, [0, 0, 0]));
    }

    #[test]
    fn interruption_comes_first() {
        let finish =
            Finish { interrupted: true, bad_waivers: vec!["x".into()], ..Finish::default() };
        let results = vec![check("A", Fail), check("B", Error)];
        assert_eq!(told(results, finish).1, [130, 130, 130]);
    }

    #[test]
    fn a_failure_comes_before_an_error() {
        let results = vec![check("A", Fail), check("B", Error)];
        assert_eq!(told(results, Finish::default()), (NotConformant, [1, 1, 1]));
    }

    #[test]
    fn a_waiver_opens_the_gate_and_leaves_the_conclusion() {
        let results = vec![waived(check("A", Fail)), waived(check("B", Warn))];
        assert_eq!(told(results, Finish::default()), (NotConformant, [0, 0, 0]));
    }

    #[test]
    fn warnings_fail_under_strict_only() {
        assert_eq!(told(vec![check("A", Warn)], Finish::default()), (Conformant, [0, 1, 0]));
    }

    #[test]
    fn a_bad_waiver_fails() {
        let finish = Finish { bad_waivers: vec!["expired".into()], ..Finish::default() };
        assert_eq!(told(vec![check("A", Pass)], finish), (Conformant, [1, 1, 1]));
    }

    #[test]
    fn a_death_fails_though_no_check_did() {
        let finish = Finish { unattributed_deaths: vec!["gone".into()], ..Finish::default() };
        assert_eq!(told(vec![check("A", Pass)], finish), (NotConformant, [1, 1, 1]));
    }

    #[test]
    fn an_error_comes_before_partial() {
        assert_eq!(told(vec![check("A", Error)], Finish::default()), (Partial, [3, 3, 3]));
    }

    #[test]
    fn nothing_selected_is_no_praise() {
        assert_eq!(told(Vec::new(), Finish::default()), (Partial, [4, 4, 4]));
    }

    #[test]
    fn partial_fails_when_denied() {
        assert_eq!(told(vec![skip("A", NotChecked)], Finish::default()), (Partial, [0, 0, 5]));
    }

    #[test]
    fn a_run_cut_off_is_an_error() {
        let finish = Finish { ended_early: Some("time".into()), ..Finish::default() };
        assert_eq!(told(vec![check("A", Pass)], finish), (Partial, [3, 3, 3]));
        let never_ended = Summary::of(&Record::default());
        assert_eq!(exit_code(&never_ended, false, false), exit::ERROR);
        let header = Some(Header { selected: 2, ..Header::default() });
        let results = vec![check("A", Pass)];
        let short =
            Record { header, results, finish: Some(Finish::default()), ..Record::default() };
        assert_eq!(exit_code(&Summary::of(&short), false, false), exit::ERROR);
    }

    #[test]
    fn a_requirement_is_checked_if_one_of_its_checks_was() {
        let results = vec![skip("A", NotChecked), check("A", Pass)];
        assert_eq!(told(results, Finish::default()).0, Conformant);
        let results = vec![check("A", Pass), check("A", Error)];
        assert_eq!(told(results, Finish::default()).0, Partial);
        let results = vec![skip("A", NotApplicable), skip("A", NotChecked)];
        assert_eq!(told(results, Finish::default()).0, Partial);
    }

    #[test]
    fn what_only_should_hold_makes_nothing_partial() {
        let mut should = skip("A", NotChecked);
        should.requires[0].level = Level::Should;
        let mut derived = check("B", Error);
        derived.requires[0].basis = Basis::Derived;
        let mut capped = skip("C", NotChecked);
        capped.requires[0].cap = Some("nobody does".into());
        let summary = run(vec![should, derived, capped], Finish::default());
        assert_eq!(summary.conclusion, Conformant);
    }

    #[test]
    fn a_finding_says_nothing_of_codes_that_it_does_not_name() {
        let mut result = check("A", Fail);
        result.requires.push(cited("B"));
        let finding = Finding {
            codes: vec!["A".into()],
            expected: String::new(),
            actual: String::new(),
            exchange: None,
            replay: String::new(),
        };
        result.finding = Some(finding.clone());
        let summary = run(vec![result.clone()], Finish::default());
        assert_eq!(summary.requirements["A"].verdict, Fail);
        let other = &summary.requirements["B"];
        assert_eq!((other.verdict, other.kind), (Verdict::Skip, Some(NotChecked)));

        result.finding = Some(Finding { codes: vec!["Z".into()], ..finding });
        let summary = run(vec![result], Finish::default());
        assert_eq!(summary.requirements["B"].verdict, Fail, "a finding is never lost");
    }
}
