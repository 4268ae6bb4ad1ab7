//! The file format of suites: what may stand in `suites/<std>/*.toml` (design, section 4).
//!
//! Unknown keys are refused everywhere. Nothing here is untagged or flattened: that would lose the
//! line of a mistake.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::{
    tree::{Table, Tree},
    version::Version,
};
use crate::verdict::{Basis, Level};

/// One suite file. The keys above `requirement` belong into `suite.toml` alone.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteFile {
    /// The standard's short name, lower case.
    pub standard: Option<Spanned<String>>,
    /// What it is, for headings.
    pub title: Option<String>,
    /// The oldest and the newest version of the specification that the suite judges by.
    pub versions: Option<Spanned<Vec<String>>>,
    /// The protobuf package of the rpcs: `runtime.v1`.
    pub package: Option<Spanned<String>>,
    /// Where targets of this standard usually listen, tried in this order.
    pub endpoints: Vec<String>,
    /// Rpcs that change nothing: they may be asked again (`within`) and shared (`looks`).
    pub read_only: Vec<Spanned<String>>,
    /// Titles of the sections, by the start of their codes: `"CRI-VER" = "Version"`.
    pub sections: BTreeMap<String, String>,
    /// Codes and slugs that were removed and must not come back with another meaning.
    pub retired: Vec<Spanned<String>>,
    /// How capabilities are found.
    pub capability: Vec<CapabilityDef>,
    /// One well-formed request for each rpc that checks call.
    pub request: BTreeMap<Spanned<String>, Spanned<Tree>>,
    /// What takes the effect of an rpc away again.
    pub undo: BTreeMap<Spanned<String>, UndoDef>,
    /// Takes away everything that a run made: at its end, and by `clean` after a killed one.
    pub sweep: Vec<StepDef>,
    /// Named states that checks start from.
    pub situation: Vec<SituationDef>,
    /// What the specification asks.
    pub requirement: Vec<RequirementDef>,
    /// Experiments.
    pub check: Vec<CheckDef>,
    /// Checks on all traffic.
    pub invariant: Vec<InvariantDef>,
}

/// `[[requirement]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementDef {
    /// The stable code.
    pub code: Spanned<String>,
    /// The level, where it is the same in every version.
    pub level: Option<Spanned<Level>>,
    /// First version → level, where it changed.
    pub levels: Option<Spanned<BTreeMap<String, Level>>>,
    /// Where the level comes from.
    pub basis: Spanned<Basis>,
    /// The place in the specification.
    pub section: String,
    /// First version that has it.
    pub since: Option<Spanned<String>>,
    /// First version that no longer has it.
    pub until: Option<Spanned<String>>,
    /// The obligation in our own words.
    pub says: String,
    /// How an unclear sentence is read.
    pub note: Option<String>,
    /// `"warn"`: a breach is a warning at most.
    pub cap: Option<Spanned<String>>,
    /// Why there is a cap.
    pub because: Option<String>,
    /// Its check is not written yet.
    #[serde(default)]
    pub planned: bool,
    /// Why it cannot be checked.
    pub untestable: Option<String>,
    /// For a MAY: the legal variety that it allows.
    pub permits: Option<String>,
}

impl RequirementDef {
    /// Its level at a version of the specification; none before the first.
    pub fn level_at(&self, api: &Version) -> Option<Level> {
        if let Some(level) = &self.level {
            return Some(*level.as_ref());
        }
        let mut levels: Vec<(Version, Level)> = self
            .levels
            .iter()
            .flat_map(|levels| levels.as_ref())
            .filter_map(|(version, level)| Some((version.parse().ok()?, *level)))
            .collect();
        levels.sort();
        levels.into_iter().filter(|(from, _)| from <= api).map(|(_, level)| level).next_back()
    }

    /// Whether a version has it.
    pub fn is_in_force(&self, at: &Version) -> bool {
        let parsed = |version: &Option<Spanned<String>>| {
            version.as_ref().and_then(|version| version.as_ref().parse::<Version>().ok())
        };
        parsed(&self.since).is_none_or(|since| since <= *at)
            && parsed(&self.until).is_none_or(|until| until > *at)
    }
}

/// `[[capability]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityDef {
    /// The word that `needs` and `forbids` use.
    pub name: Spanned<String>,
    /// How it is found out.
    pub found_by: Spanned<FoundBy>,
    /// What a skip tells the user to do, for what a flag or a privilege would bring; empty: what was
    /// found missing.
    pub missing: Option<String>,
}

/// The ways of finding a capability out; exactly one of `call`, `host`, `flag`, `profile`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundBy {
    /// An rpc: with `when` discovery, with `no` a trial.
    pub call: Option<Spanned<String>>,
    /// What the request holds beyond the base request.
    pub with: Option<Spanned<Tree>>,
    /// Expression over `reply`, true if the target has it.
    pub when: Option<Spanned<String>>,
    /// Codes by which the target says no; every other answer is yes.
    pub no: Option<Spanned<Vec<Spanned<String>>>>,
    /// A fact about this host: `files`, `restart`, …
    pub host: Option<Spanned<String>>,
    /// A command line flag by which the user tells it.
    pub flag: Option<Spanned<String>>,
    /// A word of a plugin's profile: see [`crate::profile::Profile::words`].
    pub profile: Option<Spanned<String>>,
}

/// `[undo."Service/Rpc"]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoDef {
    /// Members of `request` and `reply` without which nothing is undone: a target that says OK to an
    /// empty id may take the empty one of the undo for everything.
    #[serde(default)]
    pub only_with: Vec<Spanned<String>>,
    /// Follow every OK; `request` and `reply` are those of the call.
    #[serde(default)]
    pub steps: Vec<StepDef>,
    /// Follow a call that ended without an answer; only `request` is known.
    #[serde(default)]
    pub cut: Vec<StepDef>,
}

/// `[[situation]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SituationDef {
    /// The name that `given` uses.
    pub name: Spanned<String>,
    /// What it is, for `explain`.
    pub title: String,
    /// Situations that must stand first.
    #[serde(default)]
    pub on: Vec<Spanned<String>>,
    /// Capabilities without which it cannot be built.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// The binding whose request an override changes; the first `as` of its steps if left out.
    pub main: Option<Spanned<String>>,
    /// Built once for the whole run and left alone by every check (an image, say).
    #[serde(default)]
    pub shared: bool,
    /// How it is built.
    pub steps: Vec<StepDef>,
}

impl SituationDef {
    /// The binding whose request an override changes.
    pub fn main_binding(&self) -> Option<&String> {
        let first = || self.steps.iter().find_map(|step| step.bind.as_ref());
        self.main.as_ref().or_else(first).map(Spanned::as_ref)
    }
}

/// `[[check]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckDef {
    /// The slug without its case: `cri.sandbox.stop-twice`.
    pub id: Spanned<String>,
    /// What it shows, as a sentence.
    pub title: String,
    /// The codes that it can show broken. May stand in each case instead.
    #[serde(default)]
    pub requires: Vec<Spanned<String>>,
    /// Capabilities without which it says nothing.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// Capabilities with which it says nothing.
    #[serde(default)]
    pub forbids: Vec<Spanned<String>>,
    /// Where it starts.
    pub given: Option<Given>,
    /// It only looks, so that it may share its situation.
    #[serde(default)]
    pub looks: bool,
    /// It needs the target for itself.
    #[serde(default)]
    pub exclusive: bool,
    /// What it may do to the target.
    pub risk: Option<Risk>,
    /// First version that it can be judged by, where the wire table does not say so.
    pub since: Option<Spanned<String>>,
    /// Where one target speaks several versions: it runs at each that has its requirements, and not
    /// only once for each wording of them.
    #[serde(default)]
    pub each_version: bool,
    /// The longest it may last, situation included.
    pub timeout: Option<Span>,
    /// One row per variation; the keys beside the known ones are `$case.…`.
    #[serde(default)]
    pub cases: Vec<Spanned<Tree>>,
    /// What is done and what must hold.
    pub steps: Vec<StepDef>,
}

/// What a check may do to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// It may kill the target's process: runs last, alone, and only if that was allowed.
    Crash,
}

/// `[[invariant]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvariantDef {
    /// The slug.
    pub id: Spanned<String>,
    /// What it shows, as a sentence.
    pub title: String,
    /// The codes that it can show broken.
    pub requires: Vec<Spanned<String>>,
    /// The rpcs whose answers are looked at; [`EVERY_RPC`] for all of the suite's package.
    pub watch: Vec<Spanned<String>>,
    /// Capabilities without which it says nothing.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// Which answers are looked at; those with OK if it is left out.
    #[serde(default)]
    pub answers: Answers,
    /// Which of these exchanges count, over `request` and `reply`.
    pub when: Option<Spanned<String>>,
    /// What must hold for each that counts.
    pub expect: Vec<Spanned<String>>,
}

/// In `watch`: any rpc.
pub const EVERY_RPC: &str = "*";

/// Which answers an invariant looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// Those with OK.
    #[default]
    Ok,
    /// All others that the target gave.
    Refused,
    /// Both.
    All,
}

/// One step of a check, a situation or an undo. Exactly one of `call`, `exec`, `do`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDef {
    /// An rpc: `RuntimeService/Version`.
    pub call: Option<Spanned<String>>,
    /// A command of a plugin.
    pub exec: Option<Spanned<String>>,
    /// A verb.
    #[serde(rename = "do")]
    pub verb: Option<Spanned<String>>,
    /// Merged into the base request; parameters of a verb.
    pub with: Option<Spanned<Tree>>,
    /// Fields that are left out of the request: `a.b`.
    pub omit: Option<Words>,
    /// Environment of an `exec`.
    pub env: Option<Spanned<Tree>>,
    /// Variables that an `exec` does not get.
    pub unset: Option<Words>,
    /// Standard input of an `exec`.
    pub stdin: Option<Spanned<Tree>>,
    /// The name by which later steps see this one.
    #[serde(rename = "as")]
    pub bind: Option<Spanned<String>>,
    /// The gRPC codes that are right: names, `"error"` or `"any"`.
    pub code: Option<Words>,
    /// The exit codes that are right.
    pub exit: Option<Spanned<Tree>>,
    /// Expressions that must hold.
    #[serde(default)]
    pub expect: Vec<Spanned<String>>,
    /// Ask again until the expectations hold, for this long.
    pub within: Option<Spanned<Span>>,
    /// The deadline of the call.
    pub deadline: Option<Span>,
    /// The code that this step shows broken.
    pub of: Option<Spanned<String>>,
    /// Overrules what `code`, `exit` and `expect` say about being the test.
    pub setup: Option<bool>,
}

impl StepDef {
    /// Whether it is the test and not set-up.
    pub fn is_test(&self) -> bool {
        match self.setup {
            Some(setup) => !setup,
            None => self.code.is_some() || self.exit.is_some() || !self.expect.is_empty(),
        }
    }

    /// The same, whatever comes of it.
    pub fn unjudged(&self) -> StepDef {
        let any =
            self.call.as_ref().map(|call| Words(vec![Spanned::new(call.span(), "any".into())]));
        StepDef { code: any, expect: Vec::new(), setup: Some(true), ..self.clone() }
    }
}

/// A duration as people write it: `2s`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Span).map_err(|error| {
            de::Error::custom(format!("`{text}` is no duration like `2s`: {error}"))
        })
    }
}

/// One word or a list of words.
#[derive(Clone, Debug)]
pub struct Words(pub Vec<Spanned<String>>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Spanned first: a single word is told apart from a list without losing its place.
        let tree = Spanned::<Tree>::deserialize(deserializer)?;
        let span = tree.span();
        match tree.into_inner() {
            Tree::Text(text) => Ok(Words(vec![Spanned::new(span, text)])),
            Tree::List(items) => items
                .into_iter()
                .map(|item| {
                    let span = item.span();
                    match item.into_inner() {
                        Tree::Text(text) => Ok(Spanned::new(span, text)),
                        _ => Err(de::Error::custom("expected a word or a list of words")),
                    }
                })
                .collect::<Result<_, _>>()
                .map(Words),
            _ => Err(de::Error::custom("expected a word or a list of words")),
        }
    }
}

/// The situation of a check, with overrides of main requests along its chain.
#[derive(Clone, Debug)]
pub struct Given {
    /// The situation's name: the word itself, or the first key of the table.
    pub name: Spanned<String>,
    /// Situation (this one or one that it stands on) → override of its main request.
    pub overrides: Table,
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Spanned::<Tree>::deserialize(deserializer)?;
        let span = tree.span();
        match tree.into_inner() {
            Tree::Text(name) => {
                Ok(Given { name: Spanned::new(span, name), overrides: Table::new() })
            }
            Tree::Table(overrides) if !overrides.is_empty() => {
                Ok(Given { name: overrides[0].0.clone(), overrides })
            }
            _ => Err(de::Error::custom(
                "expected the name of a situation, or a table { name = { overrides } }",
            )),
        }
    }
}
