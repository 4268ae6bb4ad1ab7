//! What `--report KIND=FILE` means.

use std::path::PathBuf;
use std::str::FromStr;

use super::ReportError;

/// A form in which a whole run is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// JUnit XML, for CI systems.
    Junit,
    /// stdcheck's own JSON, for programs.
    Json,
}

impl ReportKind {
    /// All kinds with the word that chooses each.
    pub const ALL: [(&'static str, ReportKind); 2] =
        [("junit", ReportKind::Junit), ("json", ReportKind::Json)];
}

/// One `--report`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSpec {
    /// The form.
    pub kind: ReportKind,
    /// Where it goes.
    pub path: PathBuf,
}

impl FromStr for ReportSpec {
    type Err = ReportError;

    fn from_str(given: &str) -> Result<Self, ReportError> {
        let (kind, path) = given
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| ReportError::NotKindFile(given.into()))?;
        let known = ReportKind::ALL.iter().find(|(word, _)| *word == kind);
        let (_, kind) = known.ok_or_else(|| ReportError::UnknownKind {
            kind: kind.into(),
            known: ReportKind::ALL.map(|(word, _)| word).join(", "),
        })?;
        Ok(ReportSpec { kind: *kind, path: path.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_equals_sign() {
        let spec: ReportSpec = "json=a=b.json".parse().unwrap();
        assert_eq!(spec, ReportSpec { kind: ReportKind::Json, path: "a=b.json".into() });
    }

    #[test]
    fn says_what_there_is() {
        let told = |given: &str| given.parse::<ReportSpec>().unwrap_err().to_string();
        assert_eq!(told("xml=a"), "`xml` is no kind of report: choose one of junit, json");
        assert_eq!(
            told("junit"),
            "`junit` names no report: write KIND=FILE, for example junit=out.xml"
        );
        assert_eq!(
            told("junit="),
            "`junit=` names no report: write KIND=FILE, for example junit=out.xml"
        );
    }
}
