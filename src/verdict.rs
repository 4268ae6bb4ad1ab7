//! The vocabulary of results: levels, bases, verdicts, conclusions and exit codes (design, section 2).
//!
//! Pure data and pure rules; everything that decides "does this fail the build?" stands here.

use serde::{Deserialize, Serialize};

/// How strongly the specification asks for something. Prohibitions count as `Must`/`Should`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// The implementation may do so; never a failure.
    May,
    /// Recommended: a breach is a warning.
    Should,
    /// Required: a breach is a failure, if the text says so.
    Must,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Level::May => "MAY",
            Level::Should => "SHOULD",
            Level::Must => "MUST",
        })
    }
}

/// Where the level comes from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// It follows from other text or from common sense; a breach is a warning at most.
    Derived,
    /// The text states it as a fact, without the word.
    Read,
    /// The word (MUST, SHOULD, MAY) stands in the text.
    Stated,
}

impl std::fmt::Display for Basis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Basis::Derived => "derived",
            Basis::Read => "read",
            Basis::Stated => "stated",
        })
    }
}

/// The result of one check. The order is that of severity: `max` of several is the worst.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not judged, with a reason and its [`SkipKind`].
    Skip,
    /// Every expectation held.
    Pass,
    /// A SHOULD, or anything derived, is broken.
    Warn,
    /// It could not be found out.
    Error,
    /// A MUST (stated or read) is broken, or the target died.
    Fail,
}

impl Verdict {
    /// All verdicts in the order in which summaries print them.
    pub const ALL: [Verdict; 5] =
        [Verdict::Pass, Verdict::Fail, Verdict::Warn, Verdict::Error, Verdict::Skip];

    /// The verdict of a broken requirement of this level and basis; `capped` is the requirement's `cap = "warn"`.
    pub fn of_breach(level: Level, basis: Basis, capped: bool) -> Verdict {
        match (level, basis) {
            (Level::Must, Basis::Stated | Basis::Read) if !capped => Verdict::Fail,
            _ => Verdict::Warn,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::Skip => "skip",
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Error => "error",
            Verdict::Fail => "fail",
        })
    }
}

/// Why a check was skipped.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SkipKind {
    /// The target does not advertise it, or is older than it: harmless.
    NotApplicable,
    /// A flag, a privilege or a part of the host is missing: the answer is unknown.
    NotChecked,
}

impl std::fmt::Display for SkipKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SkipKind::NotApplicable => "not-applicable",
            SkipKind::NotChecked => "not-checked",
        })
    }
}

/// What a whole run says of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Nothing failed and every MUST that applies was checked.
    Conformant,
    /// Nothing failed, but a MUST that applies was not checked or erred.
    Partial,
    /// A MUST is broken.
    NotConformant,
}

impl std::fmt::Display for Conclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Conclusion::Conformant => "conformant",
            Conclusion::Partial => "partial",
            Conclusion::NotConformant => "not conformant",
        })
    }
}

/// The process's exit codes. Where several apply, the first of this order wins:
/// interrupted, failed, error, nothing selected, partial (under `--deny partial`), ok.
pub mod exit {
    /// Nothing to complain about.
    pub const OK: i32 = 0;
    /// A check failed (under `--strict` also: warned), or a waiver is stale, expired or unknown.
    pub const FAILED: i32 = 1;
    /// Wrong usage, configuration or suite file, or a report that could not be written.
    pub const USAGE: i32 = 2;
    /// A check could not find out, or the target could not be reached.
    pub const ERROR: i32 = 3;
    /// The selection is empty.
    pub const NOTHING_SELECTED: i32 = 4;
    /// The conclusion is `partial` and `--deny partial` was given.
    pub const PARTIAL: i32 = 5;
    /// Ctrl-C or SIGTERM.
    pub const INTERRUPTED: i32 = 130;
}
