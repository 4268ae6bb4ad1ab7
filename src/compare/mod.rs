//! Compares the JSON reports of several targets: a pure fold, without any of the targets.
//!
//! It answers what a platform team asks before a runtime goes onto its nodes: what does the new one
//! break that the old one kept? The first report is the old one, the last is the new one.

mod markdown;
mod notes;
mod report;
mod stable;
mod terminal;

use std::collections::BTreeMap;

pub use markdown::markdown;
pub use notes::{Note, Notes, NotesError};
pub use report::{ReadError, Report, read};
pub use terminal::terminal;

use crate::verdict::{Basis, Conclusion, Level, SkipKind, Verdict};
use stable::Stable;

/// What several reports say side by side. Everything that is listed by target is in the order of the
/// reports.
#[derive(Debug)]
pub struct Comparison {
    /// The standard's short name.
    pub standard: String,
    /// What was checked.
    pub targets: Vec<Target>,
    /// Every check that any of the reports has, by id.
    pub checks: Vec<Row>,
    /// Every requirement that any of them has, by code.
    pub requirements: BTreeMap<String, Requirement>,
}

/// One report's head.
#[derive(Debug)]
pub struct Target {
    /// What tells it from the others: name and version.
    pub label: String,
    /// The version of the specification that it was judged by.
    pub api: String,
    /// The version of stdcheck that judged it.
    pub stdcheck: String,
    /// What the run says of it.
    pub conclusion: Conclusion,
    /// How often it died.
    pub deaths: usize,
    /// Why the run did not come to its end, if it did not.
    pub cut_short: Option<String>,
}

/// One check on all targets.
#[derive(Debug)]
pub struct Row {
    /// The slug, with its case.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What it can show broken.
    pub requires: Vec<String>,
    /// What came of it by target; `None` where the report does not have it.
    pub seen: Vec<Option<Seen>>,
}

/// What came of a check on one target.
#[derive(Debug)]
pub struct Seen {
    /// The verdict.
    pub verdict: Verdict,
    /// For skips: which kind.
    pub kind: Option<SkipKind>,
    /// For everything but pass: why.
    pub reason: String,
    /// What is broken; for fail and warn.
    pub finding: Option<Finding>,
    /// Whether a waiver accepts it.
    pub waived: bool,
}

/// What is broken. What differs between any two runs (ids, times, addresses) is left out.
#[derive(Debug)]
pub struct Finding {
    /// The requirements that are shown broken.
    pub codes: Vec<String>,
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

/// A requirement on all targets.
#[derive(Debug)]
pub struct Requirement {
    /// The place in the specification.
    pub section: String,
    /// The sentence.
    pub says: String,
    /// Why a breach is a warning at most, where it is.
    pub cap: Option<String>,
    /// Level and basis by target: they may change with the version that it is judged by.
    pub levels: Vec<Option<(Level, Basis)>>,
}

/// How the last target differs from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It breaks, or may break, what the first one did not.
    Worse,
    /// It keeps what the first one broke.
    Better,
    /// The verdicts differ in another way: one of them was not judged, or one in between stands out.
    Other,
    /// All targets have the same verdict.
    None,
}

impl Comparison {
    /// Of reports with the names of their files.
    ///
    /// # Errors
    /// If they are not of one standard.
    pub fn of(reports: Vec<(String, Report)>) -> Result<Comparison, ReadError> {
        let standard =
            reports.first().map(|(_, first)| first.standard.0.clone()).unwrap_or_default();
        if let Some((path, other)) = reports.iter().find(|(_, it)| it.standard.0 != standard) {
            let (path, other) = (path.clone(), other.standard.0.clone());
            return Err(ReadError::OtherStandard { path, other, standard });
        }
        let count = reports.len();
        let targets = targets(&reports);
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        let mut requirements: BTreeMap<String, Requirement> = BTreeMap::new();
        for (at, (_, report)) in reports.into_iter().enumerate() {
            let stable = Stable::of(&report);
            for check in report.checks {
                let seen = Seen::of(&check, &stable);
                let row = rows.entry(check.id.0.clone()).or_insert_with(|| Row {
                    id: check.id.0,
                    title: check.title.0,
                    requires: check.requires.into_iter().map(|code| code.0).collect(),
                    seen: (0..count).map(|_| None).collect(),
                });
                row.seen[at] = Some(seen);
            }
            for told in report.requirements {
                let requirement = requirements.entry(told.code.0).or_insert_with(|| Requirement {
                    section: told.section.0,
                    says: told.says.0,
                    cap: told.cap.map(|why| why.0),
                    levels: vec![None; count],
                });
                requirement.levels[at] = Some((told.level, told.basis));
            }
        }
        Ok(Comparison { standard, targets, checks: rows.into_values().collect(), requirements })
    }

    /// How many checks have a verdict on one target.
    fn count(&self, target: usize, verdict: Verdict) -> usize {
        let seen = self.checks.iter().filter_map(|row| row.seen[target].as_ref());
        seen.filter(|seen| seen.verdict == verdict).count()
    }

    /// The checks with a change, by id.
    pub fn changed(&self, change: Change) -> Vec<&Row> {
        self.checks.iter().filter(|row| row.change() == change).collect()
    }

    /// The level of a requirement; with the targets, where they have different ones.
    fn level(&self, requirement: &Requirement) -> String {
        let told = |(level, basis): (Level, Basis)| format!("{level} ({basis})");
        let mut known: Vec<(Level, Basis)> = requirement.levels.iter().copied().flatten().collect();
        known.dedup();
        if let [one] = known.as_slice() {
            return told(*one);
        }
        let levels = self.targets.iter().zip(&requirement.levels);
        let levels = levels.filter_map(|(target, level)| Some((target, (*level)?)));
        let levels: Vec<String> =
            levels.map(|(target, level)| format!("{} on {}", told(level), target.label)).collect();
        levels.join(", ")
    }
}

/// The target's name and version; where two have the same, with the name of the file.
fn targets(reports: &[(String, Report)]) -> Vec<Target> {
    let names: Vec<String> = reports.iter().map(|(_, report)| report.name()).collect();
    let alone = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
    let targets = reports.iter().zip(&names).map(|((path, report), name)| Target {
        label: if alone(name) { name.clone() } else { format!("{name} ({path})") },
        api: report.target.api.0.clone(),
        stdcheck: report.run.stdcheck.0.clone(),
        conclusion: report.conclusion,
        deaths: report.deaths.len(),
        cut_short: report.cut_short(),
    });
    targets.collect()
}

impl Seen {
    fn of(check: &report::Check, stable: &Stable) -> Seen {
        Seen {
            verdict: check.verdict,
            kind: check.kind,
            reason: check.reason.as_ref().map_or(String::new(), |reason| stable.text(&reason.0)),
            finding: check.finding.as_ref().map(|finding| Finding {
                codes: finding.codes.iter().map(|code| code.0.clone()).collect(),
                expected: stable.text(&finding.expected.0),
                actual: stable.text(&finding.actual.0),
            }),
            waived: check.waived.is_some(),
        }
    }

    /// The verdict in words.
    pub fn word(&self) -> String {
        match self.kind {
            Some(kind) => kind.to_string(),
            None if self.waived => format!("{}, waived", self.verdict),
            None => self.verdict.to_string(),
        }
    }

    /// How bad it is.
    fn gravity(&self) -> u8 {
        match self.verdict {
            Verdict::Pass | Verdict::Skip => 0,
            Verdict::Warn => 1,
            Verdict::Error => 2,
            Verdict::Fail => 3,
        }
    }
}

impl Row {
    /// How the last target differs from the first.
    pub fn change(&self) -> Change {
        let same = |a: &Seen, b: &Seen| a.verdict == b.verdict && a.kind == b.kind;
        let all_same = self.seen.windows(2).all(|two| match [&two[0], &two[1]] {
            [Some(a), Some(b)] => same(a, b),
            [None, None] => true,
            _ => false,
        });
        if all_same {
            return Change::None;
        }
        let gravity =
            |seen: Option<&Option<Seen>>| seen.and_then(Option::as_ref).map_or(0, Seen::gravity);
        let (first, last) = (gravity(self.seen.first()), gravity(self.seen.last()));
        let judged = |seen: &Seen| seen.verdict != Verdict::Skip;
        if last > first {
            Change::Worse
        } else if last < first
            && self.seen.last().is_some_and(|seen| seen.as_ref().is_some_and(judged))
        {
            Change::Better
        } else {
            Change::Other
        }
    }

    /// The verdict by target, in words.
    fn words(&self) -> Vec<String> {
        let word = |seen: &Option<Seen>| seen.as_ref().map_or("–".to_owned(), Seen::word);
        self.seen.iter().map(word).collect()
    }

    /// The codes that are shown broken on any target.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = Vec::new();
        for code in self.findings().flat_map(|(_, _, finding)| &finding.codes) {
            if !codes.contains(&code.as_str()) {
                codes.push(code);
            }
        }
        codes
    }

    /// The worst verdict of all targets.
    fn worst(&self) -> Option<Verdict> {
        self.seen.iter().flatten().map(|seen| seen.verdict).max()
    }

    /// The findings with the numbers of their targets.
    fn findings(&self) -> impl Iterator<Item = (usize, &Seen, &Finding)> {
        let numbered = self.seen.iter().enumerate();
        numbered
            .filter_map(|(at, seen)| Some((at, seen.as_ref()?, seen.as_ref()?.finding.as_ref()?)))
    }
}
