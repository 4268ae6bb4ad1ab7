//! What can go wrong with a report.

use std::io;
use std::path::{Path, PathBuf};

/// A report that was asked for wrongly or cannot be written. Each message names the path and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// `--report` without a `KIND=FILE`.
    #[error("`{0}` names no report: write KIND=FILE, for example junit=out.xml")]
    NotKindFile(String),
    /// A kind that does not exist.
    #[error("`{kind}` is no kind of report: choose one of {known}")]
    UnknownKind {
        /// What was given.
        kind: String,
        /// What there is.
        known: String,
    },
    /// Two reports in one file.
    #[error("two reports would go to {}: give each a file of its own", .0.display())]
    SamePath(PathBuf),
    /// The file or folder cannot be written.
    #[error("cannot write {}: {source}; {}", path.display(), what_to_do(path, source))]
    Unwritable {
        /// The file or folder as the user named it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output is gone.
    #[error("cannot write to standard output: {0}; the verdicts are only in the report files")]
    Output(io::Error),
}

impl ReportError {
    /// For `map_err`: the error of this path.
    pub(super) fn unwritable(path: &Path) -> impl Fn(io::Error) -> ReportError + '_ {
        |source| ReportError::Unwritable { path: path.to_owned(), source }
    }
}

fn what_to_do(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            format!("create the folder {} first", folder.display())
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "name a place where this user may write".into()
        }
        io::ErrorKind::IsADirectory => "name a file inside it".into(),
        io::ErrorKind::NotADirectory => "a part of the path is a file: name another place".into(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space there".into(),
        _ => "name another place".into(),
    }
}
