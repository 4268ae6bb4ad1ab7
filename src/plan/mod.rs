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
        format::{InvariantDef, Risk},
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
    /// Where one target speaks several versions at once: those that it claims.
    pub claimed: Option<Claimed>,
    /// Checks that may kill the target are run.
    pub crash_allowed: bool,
}

/// The versions that a target claims to speak, and how many of them are tried.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Oldest first.
    pub versions: Vec<Version>,
    /// Every check runs at each of them, and not only where its requirements change.
    pub every: bool,
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
    /// The check; its id names the version where the target speaks several.
    pub check: Check,
    /// The version of the specification that it runs at.
    pub api: Version,
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
    /// The slug; it names the version where the target speaks several.
    pub id: String,
    /// The versions whose traffic it looks at; none: all traffic.
    pub versions: Option<Vec<Version>>,
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
            Some(advice) => {
                let why = if advice.is_empty() { &fact.why } else { advice };
                Shut::Skip(SkipKind::NotChecked, format!("{need}: {why}"))
            }
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
    let newest = || suite.versions.1.clone();
    let claimed = wanted.claimed.as_ref();
    let last = claimed.and_then(|claimed| claimed.versions.last().cloned());
    let api = wanted.api.clone().or(last).unwrap_or_else(newest);
    let all = expand::checks(suite).map_err(Diagnostics)?;
    let mut slugs = Vec::new();
    let selected = |id: &str, requires: &[Cited]| {
        wanted.select.is_empty()
            || wanted.select.iter().any(|selector| selector.selects(suite, id, requires))
    };
    let mut checks = Vec::new();
    for check in all {
        let codes: Vec<&str> = check.requires.iter().map(|code| code.as_ref().as_str()).collect();
        let since = check.since.as_ref().and_then(|since| since.as_ref().parse::<Version>().ok());
        let each = check.source.def.each_version;
        for era in eras(suite, &codes, since.as_ref(), claimed, each, &api) {
            let mut check = check.clone();
            check.id = era.name(&check.id);
            slugs.push(check.id.clone());
            if !selected(&check.id, &era.requires) {
                continue;
            }
            let Era { api, requires, mut skip, .. } = era;
            if let Some(since) = since.as_ref().filter(|since| **since > api) {
                skip = Some(too_old(since, &api));
            }
            let planned = Planned { check, api, requires, skip };
            let crash = planned.skip.is_none() && planned.may_crash() && !wanted.crash_allowed;
            let skip = crash.then(|| {
                let why =
                    "it may kill the target: allow it with --restart-cmd CMD or --allow-crash";
                (SkipKind::NotChecked, why.to_owned())
            });
            checks.push(Planned { skip: planned.skip.clone().or(skip), ..planned });
        }
    }
    // Lookers first, side by side, while their situations stand; then those that change something;
    // then those that need the target alone; last those that may kill it.
    checks.sort_by_key(|planned| (planned.may_crash(), planned.exclusive(), !planned.looks()));
    let mut invariants = Vec::new();
    for source in &suite.invariants {
        let codes: Vec<&str> =
            source.def.requires.iter().map(|code| code.as_ref().as_str()).collect();
        for era in eras(suite, &codes, None, claimed, false, &api) {
            let id = era.name(source.def.id.as_ref());
            slugs.push(id.clone());
            if selected(&id, &era.requires) {
                let Era { requires, skip, .. } = era;
                let versions = claimed.map(|_| era.versions);
                invariants.push(PlannedInvariant {
                    source: source.clone(),
                    id,
                    versions,
                    requires,
                    skip,
                });
            }
        }
    }
    Ok(Plan { suite: suite.clone(), api, checks, invariants, slugs })
}

fn too_old(since: &Version, api: &Version) -> (SkipKind, String) {
    (SkipKind::NotApplicable, format!("since API {since}; the target is judged by {api}"))
}

/// Versions at which the requirements of a check are the same.
struct Era {
    /// The one that the check runs at: the newest of them.
    api: Version,
    versions: Vec<Version>,
    /// The target speaks several versions, so that ids name theirs.
    named: bool,
    requires: Vec<Cited>,
    skip: Option<(SkipKind, String)>,
}

impl Era {
    /// `slug[case]` → `slug[case,1.0.0]`
    fn name(&self, id: &str) -> String {
        match id.strip_suffix(']') {
            _ if !self.named => id.to_owned(),
            Some(id) => format!("{id},{}]", self.api),
            None => format!("{id}[{}]", self.api),
        }
    }
}

/// When a check runs: once, at the version that the target is judged by; or, of a target that claims
/// several versions, once for each wording of its requirements, newest first. A check that applies at
/// none of them is skipped once.
fn eras(
    suite: &Suite,
    codes: &[&str],
    since: Option<&Version>,
    claimed: Option<&Claimed>,
    each: bool,
    api: &Version,
) -> Vec<Era> {
    let Some(claimed) = claimed else {
        let (requires, skip) = cite(suite, codes, api);
        let (api, versions) = (api.clone(), Vec::new());
        return vec![Era { api, versions, named: false, requires, skip }];
    };
    let mut eras: Vec<Era> = Vec::new();
    let mut shut = None;
    for version in claimed.versions.iter().rev() {
        let (requires, mut skip) = cite(suite, codes, version);
        if let Some(since) = since.filter(|since| *since > version) {
            skip = Some(too_old(since, version));
        }
        if skip.is_some() {
            shut.get_or_insert((requires, skip));
            continue;
        }
        let apart = each || claimed.every;
        match eras.iter_mut().find(|era| !apart && era.requires == requires) {
            Some(era) => era.versions.push(version.clone()),
            None => eras.push(Era {
                api: version.clone(),
                versions: vec![version.clone()],
                named: true,
                requires,
                skip: None,
            }),
        }
    }
    if eras.is_empty() {
        let (requires, skip) = shut.unwrap_or_default();
        let (api, versions) = (api.clone(), claimed.versions.clone());
        eras.push(Era { api, versions, named: false, requires, skip });
    }
    eras
}

/// The requirements that hold at a version; a skip if none does.
fn cite(suite: &Suite, codes: &[&str], api: &Version) -> (Vec<Cited>, Option<(SkipKind, String)>) {
    let mut cited = Vec::new();
    let mut all = Vec::new();
    let mut skip = None;
    for code in codes {
        let Some(requirement) = suite.requirement(code) else { continue };
        let def = &requirement.def;
        let level = def.level_at(api);
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
