//! Reads a JSON report, as far as a comparison needs it. A file is hostile input: every text is
//! cleaned.

use std::path::Path;

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    report::{clean, json::SCHEMA},
    verdict::{Basis, Conclusion, Level, SkipKind, Verdict},
};

/// The most that is kept of one text, in bytes.
const CAP: usize = 64 * 1024;

/// A text that has been cleaned.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Text(pub String);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(clean(&text, CAP))
    }
}

/// A JSON report.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// The standard's short name.
    pub standard: Text,
    /// What the run says of the target.
    pub conclusion: Conclusion,
    pub(super) target: Target,
    pub(super) run: Run,
    pub(super) checks: Vec<Check>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) deaths: Vec<IgnoredAny>,
    interrupted: bool,
    ended_early: Option<Text>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub endpoint: Text,
    name: Text,
    version: Text,
    pub api: Text,
}

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub id: Text,
    pub stdcheck: Text,
}

#[derive(Debug, Deserialize)]
pub(super) struct Check {
    pub id: Text,
    pub title: Text,
    pub requires: Vec<Text>,
    pub verdict: Verdict,
    pub kind: Option<SkipKind>,
    pub reason: Option<Text>,
    pub finding: Option<Finding>,
    pub waived: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Finding {
    pub codes: Vec<Text>,
    pub expected: Text,
    pub actual: Text,
}

#[derive(Debug, Deserialize)]
pub(super) struct Requirement {
    pub code: Text,
    pub level: Level,
    pub basis: Basis,
    pub section: Text,
    pub says: Text,
    pub cap: Option<Text>,
}

/// Why a file cannot be compared. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It ends before its end.
    #[error("{0} is cut off: a run writes its report as a whole at its end; write it anew")]
    CutOff(String),
    /// It is something else.
    #[error("{path} is no JSON report of stdcheck ({why}); --report json=FILE writes one")]
    NoReport {
        /// The file.
        path: String,
        /// What it is instead.
        why: String,
    },
    /// It was written by another stdcheck.
    #[error("{path} has the form {form}, and this stdcheck reads {SCHEMA}: write it anew")]
    OtherForm {
        /// The file.
        path: String,
        /// The form that it names.
        form: String,
    },
    /// It is of another standard than the first.
    #[error(
        "{path} is of {other}, the first report is of {standard}: they have no check in common"
    )]
    OtherStandard {
        /// The file.
        path: String,
        /// Its standard.
        other: String,
        /// The first one's.
        standard: String,
    },
}

/// Reads a report.
///
/// # Errors
/// If the file is no report of this form.
pub fn read(path: &Path) -> Result<Report, ReadError> {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => parse(name, &bytes),
        Err(error) => Err(ReadError::Unreadable { path: name, error }),
    }
}

fn parse(path: String, bytes: &[u8]) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Form {
        schema: String,
    }
    let told = |error: serde_json::Error, path: String| match error.is_eof() {
        true => ReadError::CutOff(path),
        false => ReadError::NoReport { path, why: clean(&error.to_string(), 200) },
    };
    // The form first: what another form has inside is not ours to judge.
    let form = match serde_json::from_slice::<Form>(bytes) {
        Ok(Form { schema }) => clean(&schema, 100),
        Err(error) => return Err(told(error, path)),
    };
    if !form.starts_with("stdcheck-report/") {
        return Err(ReadError::NoReport { path, why: format!("its schema is `{form}`") });
    }
    if form != SCHEMA {
        return Err(ReadError::OtherForm { path, form });
    }
    serde_json::from_slice(bytes).map_err(|error| told(error, path))
}

impl Report {
    /// Name and version of the target; its endpoint if it told none.
    pub(super) fn name(&self) -> String {
        let Target { name, version, endpoint, .. } = &self.target;
        match (name.0.as_str(), version.0.as_str()) {
            ("", _) => endpoint.0.clone(),
            (name, "") => name.to_owned(),
            (name, version) => format!("{name} {version}"),
        }
    }

    /// Why the run did not come to its end, if it did not.
    pub(super) fn cut_short(&self) -> Option<String> {
        let interrupted = self.interrupted.then(|| "it was interrupted".to_owned());
        self.ended_early.as_ref().map(|why| why.0.clone()).or(interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        parse("a.json".to_owned(), text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_report_is_told_as_such() {
        assert!(
            told("<testsuites/>")
                .starts_with("a.json is no JSON report of stdcheck (expected value")
        );
        assert!(told("[]").contains("is no JSON report"));
        assert!(told("{}").contains("missing field `schema`"));
        assert!(told(r#"{"schema": "other/1"}"#).contains("its schema is `other/1`"));
        assert!(told(r#"{"schema": "stdcheck-report/1"}"#).contains("missing field"));
    }

    #[test]
    fn a_report_that_is_cut_off_is_told_as_such() {
        for text in ["", "{", r#"{"schema": "stdcheck-report/1", "checks": ["#] {
            assert!(told(text).starts_with("a.json is cut off"), "{text}");
        }
    }

    #[test]
    fn another_form_is_told_with_both() {
        let told = told(r#"{"schema": "stdcheck-report/2", "checks": 7}"#);
        assert!(told.contains("the form stdcheck-report/2") && told.contains(SCHEMA), "{told}");
    }
}
