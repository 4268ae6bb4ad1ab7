//! `--log-dir DIR`: one file for each check that found or erred, with every exchange as recorded.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::clean::escape_json;
use super::evidence::{Bounds, rows};
use super::{Cleaned, End, Report, ReportError};
use crate::events::{CheckResult, Event, Exchange};
use crate::verdict::Verdict;

/// Writes each file when its check ends, so that a run that is cut off leaves what it saw.
pub struct LogDir {
    dir: PathBuf,
    /// The run, in the words of its header: tells the files of two runs in one folder apart.
    run: String,
    taken: HashSet<String>,
    failed: Option<ReportError>,
}

impl LogDir {
    /// Makes the folder if need be, and sure that it takes files.
    pub fn open(dir: &Path) -> Result<Self, ReportError> {
        fs::create_dir_all(dir).map_err(ReportError::unwritable(dir))?;
        tempfile::tempfile_in(dir).map_err(ReportError::unwritable(dir))?;
        Ok(LogDir { dir: dir.to_owned(), run: String::new(), taken: HashSet::new(), failed: None })
    }

    fn write(&mut self, result: &CheckResult) -> Result<(), ReportError> {
        let name = self.name(&result.id);
        let path = self.dir.join(name);
        fs::write(&path, content(&self.run, result)).map_err(ReportError::unwritable(&path))
    }

    /// A file name that no other check of this run has.
    fn name(&mut self, id: &str) -> String {
        let safe = safe_name(id);
        let mut name = format!("{safe}.txt");
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{safe}~{count}.txt");
        }
        name
    }
}

impl Report for LogDir {
    fn event(&mut self, event: &Cleaned) {
        match &**event {
            Event::RunStarted(header) => {
                let target = &header.target;
                self.run = format!(
                    "run {} of {}, {} {} at {}",
                    header.run_id, header.started_at, target.name, target.version, target.endpoint
                );
            }
            Event::CheckFinished(result)
                if matches!(result.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error) =>
            {
                if let Err(error) = self.write(result) {
                    self.failed.get_or_insert(error);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &End<'_>) -> Result<(), ReportError> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

/// The slug in characters that every file system takes: `a.b[c/d]` becomes `a.b-c_d`.
fn safe_name(id: &str) -> String {
    // Most file systems end at 255 bytes; the suffix and the counter need a few.
    const LONGEST: usize = 200;
    let safe = |c: char| match c {
        '[' => Some('-'),
        ']' => None,
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') => Some(c),
        _ => Some('_'),
    };
    // A leading dot would hide the file.
    id.trim_start_matches('.').chars().filter_map(safe).take(LONGEST).collect()
}

fn content(run: &str, result: &CheckResult) -> String {
    let mut out = format!("{}  {}\n{}\n{run}\n\n", result.verdict, result.id, result.title);
    // The exchanges follow in full; here only what is said about them.
    let told = CheckResult { exchanges: Vec::new(), ..result.clone() };
    for row in rows(&told, Bounds { width: 100, lines: usize::MAX, cut: false, all: false }) {
        for (at, line) in row.lines.iter().enumerate() {
            let _ = writeln!(out, "{:10}{line}", if at == 0 { row.label } else { "" });
        }
    }
    if let Some(waiver) = &result.waived {
        let _ = writeln!(out, "{:10}{waiver}", "waived");
    }
    let proof = result.finding.as_ref().and_then(|finding| finding.exchange);
    for (at, exchange) in result.exchanges.iter().enumerate() {
        let mark = if proof == Some(at) { "  <- this one shows it" } else { "" };
        let _ = write!(out, "\n--- exchange {} of {}{mark}\n", at + 1, result.exchanges.len());
        out.push_str(&full(exchange));
    }
    out
}

fn full(exchange: &Exchange) -> String {
    let Exchange { what, request, command, reply, code, message, at_ms, took_ms } = exchange;
    let command =
        command.as_ref().map_or_else(String::new, |command| format!("command: {command}\n"));
    let reply = reply.as_ref().map_or_else(|| "none".to_owned(), |reply| format!("{reply:#}"));
    format!(
        "{what} -> {code}\nat {at_ms} ms, took {took_ms} ms\n{command}message: {message}\nrequest: {}\nreply: {}\n",
        escape_json(&format!("{request:#}")),
        escape_json(&reply),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_never_meet() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogDir::open(dir.path()).unwrap();
        assert_eq!(log.name("cri.create.missing[a/b]"), "cri.create.missing-a_b.txt");
        assert_eq!(log.name("cri.create.missing[a_b]"), "cri.create.missing-a_b~2.txt");
        assert_eq!(log.name("../../etc/passwd"), "_.._etc_passwd.txt");
        assert_eq!(log.name(&"ä".repeat(500)).len(), 204);
    }

    #[test]
    fn refuses_what_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(LogDir::open(file.path()), Err(ReportError::Unwritable { .. })));
    }
}
