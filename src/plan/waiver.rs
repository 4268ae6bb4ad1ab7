//! `--waivers FILE`: findings that are accepted until a date, with a reason.
//!
//! A waived check is still run and must still fail: a waiver that is stale, expired or names nothing
//! fails the run, so that the file never outlives its reasons.

use std::{path::Path, sync::Arc};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    events::{CheckResult, DIED},
    suite::{
        diagnostic::{Diagnostic, SourceFile},
        expand,
        load::Suite,
    },
    verdict::{SkipKind, Verdict},
};

/// The file: `[[waiver]]` entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverFile {
    #[serde(default)]
    waiver: Vec<WaiverDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverDef {
    /// A slug (without its case: all cases) or a requirement code.
    of: Spanned<String>,
    reason: Spanned<String>,
    /// The last day on which it holds: `2027-01-31`.
    until: Spanned<String>,
}

/// One accepted finding.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The slug or code.
    pub of: String,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WaiverError {
    /// It cannot be read.
    #[error("cannot read the waivers {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It has a mistake.
    #[error("{0}")]
    Mistake(Diagnostic),
}

/// Reads a waiver file.
///
/// # Errors
/// If it cannot be read or has a mistake, with its place.
pub fn read(path: &Path) -> Result<Vec<Waiver>, WaiverError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| WaiverError::Unreadable { path: path.display().to_string(), error })?;
    parse(&Arc::new(SourceFile { path: path.display().to_string(), text }))
        .map_err(WaiverError::Mistake)
}

fn parse(file: &Arc<SourceFile>) -> Result<Vec<Waiver>, Diagnostic> {
    let parsed: WaiverFile = toml::from_str(&file.text).map_err(|error| {
        Diagnostic::new(file, error.span().unwrap_or(0..0), error.message().to_owned())
    })?;
    parsed
        .waiver
        .into_iter()
        .map(|def| {
            let until = def.until.as_ref().parse::<Date>().map_err(|_| {
                Diagnostic::new(file, def.until.span(), "`until` is a day like \"2027-01-31\"")
            })?;
            if def.reason.as_ref().trim().is_empty() {
                let message = "a waiver says its reason";
                return Err(Diagnostic::new(file, def.reason.span(), message));
            }
            let (of, reason) = (def.of.into_inner(), def.reason.into_inner());
            Ok(Waiver { of, reason, until })
        })
        .collect()
}

impl Waiver {
    /// Whether it accepts this result: by slug, slug with case, or a code that was shown broken.
    pub fn accepts(&self, result: &CheckResult) -> bool {
        // A breach is accepted; that the target dies is another matter.
        if result.reason.as_ref().is_some_and(|reason| reason.starts_with(DIED)) {
            return false;
        }
        let id = &result.id;
        *id == self.of
            || id.split_once('[').is_some_and(|(slug, _)| slug == self.of)
            || result.finding.as_ref().is_some_and(|finding| finding.codes.contains(&self.of))
    }

    /// Whether its last day is past.
    pub fn is_expired(&self, today: Date) -> bool {
        self.until < today
    }
}

/// The waivers that do not hold, each with what to do. `results` are all of the run; `slugs` all
/// slugs of the suite with their cases, run or not.
pub fn bad(
    waivers: &[Waiver],
    suite: &Suite,
    slugs: &[String],
    results: &[CheckResult],
    today: Date,
) -> Vec<String> {
    let mut bad = Vec::new();
    for waiver in waivers {
        let of = &waiver.of;
        let known = suite.requirement(of).is_some()
            || slugs
                .iter()
                .any(|slug| slug == of || slug.split_once('[').is_some_and(|(s, _)| s == of));
        if !known {
            bad.push(format!("unknown waiver: the suite has no check or requirement `{of}`"));
            continue;
        }
        if waiver.is_expired(today) {
            bad.push(format!(
                "expired waiver: `{of}` was accepted until {} ({}); fix it or renew the waiver",
                waiver.until, waiver.reason
            ));
            continue;
        }
        // Stale is what none of its checks shows any more, and all of them were judged.
        let concerned = concerned(suite, slugs, of);
        let result = |slug: &&String| results.iter().find(|result| result.id == **slug);
        let kept = |slug: &&String| {
            result(slug).is_some_and(|result| {
                result.verdict == Verdict::Pass || result.kind == Some(SkipKind::NotApplicable)
            })
        };
        let passed = |slug: &&String| result(slug).is_some_and(|r| r.verdict == Verdict::Pass);
        if concerned.iter().all(kept) && concerned.iter().any(passed) {
            bad.push(format!("stale waiver: `{of}` no longer fails; take the waiver out"));
        }
    }
    bad
}

/// The slugs that a waiver speaks of: by slug, with or without its case, or by a code that they cite.
fn concerned<'a>(suite: &Suite, slugs: &'a [String], of: &str) -> Vec<&'a String> {
    let mut citing: Vec<String> = expand::checks(suite)
        .unwrap_or_default()
        .into_iter()
        .filter(|check| check.requires.iter().any(|code| code.as_ref() == of))
        .map(|check| check.id)
        .collect();
    citing.extend(
        suite
            .invariants
            .iter()
            .filter(|invariant| invariant.def.requires.iter().any(|code| code.as_ref() == of))
            .map(|invariant| invariant.def.id.as_ref().clone()),
    );
    slugs
        .iter()
        .filter(|slug| {
            slug.as_str() == of
                || slug.split_once('[').is_some_and(|(slug, _)| slug == of)
                || citing.contains(slug)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile { path: "w.toml".into(), text: text.into() })
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let error =
            parse(&file("[[waiver]]\nof = 'x'\nreason = 'r'\nuntil = 'soon'\n")).unwrap_err();
        assert_eq!(error.position(), (4, 9));
        let error = parse(&file("[[waiver]]\nof = 'x'\nreason = ' '\nuntil = '2027-01-01'\n"));
        assert!(error.unwrap_err().message().contains("reason"));
        assert!(parse(&file("[[waiver]]\nid = 'x'\n")).is_err());
    }
}
