//! `--waivers FILE`: findings that are accepted until a date, with a reason.
//!
//! A waived check is still run and must still fail: a waiver that is stale, expired or names nothing
//! fails the run, so that the file never outlives its reasons.

use std::{path::Path, sync::Arc};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    events::CheckResult,
    suite::{
        diagnostic::{Diagnostic, SourceFile},
        load::Suite,
    },
    verdict::Verdict,
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
        let id = &result.id;
        *id == self.of
            || id.split_once('[').is_some_and(|(slug, _)| slug == self.of)
            || result.finding.as_ref().is_some_and(|finding| finding.codes.contains(&self.of))
    }

    /// Whether the check of this result is one that it speaks of, found broken or not.
    fn concerns(&self, result: &CheckResult) -> bool {
        self.accepts(result) || result.requires.iter().any(|cited| cited.code == self.of)
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
        // Only what was judged can show a waiver stale.
        let judged: Vec<&CheckResult> = results
            .iter()
            .filter(|result| waiver.concerns(result))
            .filter(|result| {
                matches!(result.verdict, Verdict::Pass | Verdict::Fail | Verdict::Warn)
            })
            .collect();
        let still =
            judged.iter().any(|result| result.verdict != Verdict::Pass && waiver.accepts(result));
        if !judged.is_empty() && !still {
            bad.push(format!("stale waiver: `{of}` no longer fails; take the waiver out"));
        }
    }
    bad
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
