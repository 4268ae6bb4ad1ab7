//! What will be checked and what not, and why. Pure: `list`, `explain`, `--dry-run` and a real run
//! share it.

pub mod select;
pub mod waiver;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    events::{CapabilityFact, Cited, NOT_FOUND_OUT},
    suite::{
        diagnostic::Diagnostics,
        expand::{self, Check},
        format::{InvariantDef, RequirementDef, Risk},
        load::{Sourced, Suite},
        version::Version,
    },
    verdict::{Level, SkipKind},
};

use self::select::Selector;

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// One of them must fit; none: everything.
    pub select: Vec<Selector>,
    /// The version that the target is judged by; none: the newest that the suite knows.
    pub api: Option<Version>,
    /// Checks that may kill the target are run.
    pub crash_allowed: bool,
}

/// Everything that is selected, in the order in which it is started.
#[derive(Debug)]
pub struct Plan {
    /// The suite that it comes from.
    pub suite: Arc<Suite>,
    /// The version that the target is judged by.
    pub api: Version,
    /// Checks, lookers first, those that may kill the target last.
    pub checks: Vec<Planned>,
    /// Invariants.
    pub invariants: Vec<PlannedInvariant>,
    /// All slugs of the suite, selected or not.
    pub slugs: Vec<String>,
}

/// One check with what is known about it before the run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The check.
    pub check: Check,
    /// Its requirements at this version.
    pub requires: Vec<Cited>,
    /// It will be skipped whatever the target has.
    pub skip: Option<(SkipKind, String)>,
}

/// One invariant with what is known about it before the run.
#[derive(Clone, Debug)]
pub struct PlannedInvariant {
    /// The definition.
    pub source: Sourced<InvariantDef>,
    /// Its requirements at this version.
    pub requires: Vec<Cited>,
    /// It will be skipped whatever the target has.
    pub skip: Option<(SkipKind, String)>,
}

/// Why a check or invariant is not run, once it is known what the target has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shut {
    /// There is nothing to judge, or something is missing.
    Skip(SkipKind, String),
    /// The target did not say whether it has what is needed.
    Unknown(String),
}

impl Planned {
    /// Whether it shares its situation with others that only look.
    pub fn looks(&self) -> bool {
        self.check.source.def.looks
    }

    /// Whether it needs the target for itself.
    pub fn exclusive(&self) -> bool {
        self.check.source.def.exclusive
    }

    /// Whether it may kill the target.
    pub fn may_crash(&self) -> bool {
        self.check.source.def.risk == Some(Risk::Crash)
    }

    /// Why it is skipped, given what was found out about the target: the first need that is not met.
    pub fn gate(&self, suite: &Suite, facts: &BTreeMap<String, CapabilityFact>) -> Option<Shut> {
        let planned = self.skip.clone().map(|(kind, why)| Shut::Skip(kind, why));
        planned.or_else(|| gate(suite, &self.check.needs, &self.check.forbids, facts))
    }
}

impl PlannedInvariant {
    /// As [`Planned::gate`].
    pub fn gate(&self, suite: &Suite, facts: &BTreeMap<String, CapabilityFact>) -> Option<Shut> {
        let needs = expand::invariant_needs(&self.source.def);
        let planned = self.skip.clone().map(|(kind, why)| Shut::Skip(kind, why));
        planned.or_else(|| gate(suite, &needs, &[], facts))
    }
}

fn gate(
    suite: &Suite,
    needs: &[String],
    forbids: &[String],
    facts: &BTreeMap<String, CapabilityFact>,
) -> Option<Shut> {
    for need in needs {
        let Some(fact) = facts.get(need).filter(|fact| !fact.present) else { continue };
        // No answer is not a no: what depends on it is not harmless.
        if fact.why.starts_with(NOT_FOUND_OUT) {
            return Some(Shut::Unknown(format!("{need} {}", fact.why)));
        }
        let missing = suite.capability(need).and_then(|capability| capability.def.missing.as_ref());
        return Some(match missing {
            // Something that the user or the host could bring: the answer is unknown.
            Some(advice) => Shut::Skip(SkipKind::NotChecked, format!("{need}: {advice}")),
            None => Shut::Skip(SkipKind::NotApplicable, format!("{need}: {}", fact.why)),
        });
    }
    for word in forbids {
        if facts.get(word).is_some_and(|fact| fact.present) {
            return Some(Shut::Skip(SkipKind::NotApplicable, format!("the target has {word}")));
        }
    }
    None
}

/// Makes the plan.
///
/// # Errors
/// Malformed cases.
pub fn plan(suite: &Arc<Suite>, wanted: &Wanted) -> Result<Plan, Diagnostics> {
    let api = wanted.api.clone().unwrap_or_else(|| suite.versions.1.clone());
    let all = expand::checks(suite).map_err(Diagnostics)?;
    let mut slugs: Vec<String> = all.iter().map(|check| check.id.clone()).collect();
    slugs.extend(suite.invariants.iter().map(|invariant| invariant.def.id.as_ref().clone()));
    let selected = |id: &str, requires: &[Cited]| {
        wanted.select.is_empty()
            || wanted.select.iter().any(|selector| selector.selects(suite, id, requires))
    };
    let mut checks = Vec::new();
    for check in all {
        let codes: Vec<&str> = check.requires.iter().map(|code| code.as_ref().as_str()).collect();
        let (requires, mut skip) = cite(suite, &codes, &api);
        if !selected(&check.id, &requires) {
            continue;
        }
        let since = check.since.as_ref().and_then(|since| since.as_ref().parse::<Version>().ok());
        if let Some(since) = since.filter(|since| *since > api) {
            skip = Some(too_old(&since, &api));
        }
        let planned = Planned { check, requires, skip };
        let skip =
            (planned.skip.is_none() && planned.may_crash() && !wanted.crash_allowed).then(|| {
                let why =
                    "it may kill the target: allow it with --restart-cmd CMD or --allow-crash";
                (SkipKind::NotChecked, why.to_owned())
            });
        checks.push(Planned { skip: planned.skip.clone().or(skip), ..planned });
    }
    // Lookers first, side by side, while their situations stand; then those that change something;
    // then those that need the target alone; last those that may kill it.
    checks.sort_by_key(|planned| (planned.may_crash(), planned.exclusive(), !planned.looks()));
    let mut invariants = Vec::new();
    for source in &suite.invariants {
        let codes: Vec<&str> =
            source.def.requires.iter().map(|code| code.as_ref().as_str()).collect();
        let (requires, skip) = cite(suite, &codes, &api);
        if selected(source.def.id.as_ref(), &requires) {
            invariants.push(PlannedInvariant { source: source.clone(), requires, skip });
        }
    }
    Ok(Plan { suite: suite.clone(), api, checks, invariants, slugs })
}

fn too_old(since: &Version, api: &Version) -> (SkipKind, String) {
    (SkipKind::NotApplicable, format!("since API {since}; the target is judged by {api}"))
}

/// The requirements that hold at a version; a skip if none does.
fn cite(suite: &Suite, codes: &[&str], api: &Version) -> (Vec<Cited>, Option<(SkipKind, String)>) {
    let mut cited = Vec::new();
    let mut all = Vec::new();
    let mut skip = None;
    for code in codes {
        let Some(requirement) = suite.requirement(code) else { continue };
        let def = &requirement.def;
        let level = level_at(def, api);
        let entry = Cited {
            code: (*code).to_owned(),
            level: level.unwrap_or(Level::May),
            basis: *def.basis.as_ref(),
            section: def.section.clone(),
            says: def.says.clone(),
            cap: def.cap.as_ref().and(def.because.clone()),
        };
        let parsed = |version: &Option<toml::Spanned<String>>| {
            version.as_ref().and_then(|version| version.as_ref().parse::<Version>().ok())
        };
        let since = parsed(&def.since);
        let until = parsed(&def.until);
        all.push(entry.clone());
        if let Some(since) = since.filter(|since| since > api) {
            skip = Some(too_old(&since, api));
        } else if let Some(until) = until.filter(|until| until <= api) {
            let why = format!("until API {until}; the target is judged by {api}");
            skip = Some((SkipKind::NotApplicable, why));
        } else if level.is_none() {
            skip = Some((SkipKind::NotApplicable, format!("{code} has no level at API {api}")));
        } else {
            cited.push(entry);
        }
    }
    // One that does not apply yet does not silence the others.
    if cited.is_empty() { (all, skip) } else { (cited, None) }
}

/// The level of a requirement at a version; none before the first.
pub fn level_at(def: &RequirementDef, api: &Version) -> Option<Level> {
    if let Some(level) = &def.level {
        return Some(*level.as_ref());
    }
    let mut levels: Vec<(Version, Level)> = def
        .levels
        .iter()
        .flat_map(|levels| levels.as_ref())
        .filter_map(|(version, level)| Some((version.parse().ok()?, *level)))
        .collect();
    levels.sort();
    levels.into_iter().filter(|(from, _)| from <= api).map(|(_, level)| level).next_back()
}
