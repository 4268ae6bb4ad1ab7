//! Reports: each is made of the events of a run and nothing else.
//!
//! [`Reports`] is what a command uses: opened before the run, so that a path that cannot be written is found out
//! first; given each event; finished once. Live reports ([`Report`]: the terminal, the log folder) tell as it
//! comes; file reports are pure functions of the [`Record`] at the end.

mod clean;
mod cleaned;
mod error;
mod evidence;
mod file;
pub mod json;
mod junit;
mod layout;
mod log_dir;
mod record;
mod refusing;
mod spec;
mod summary;
mod terminal;

use std::path::Path;

pub use clean::{clean, first_line};
pub use cleaned::Cleaned;
pub use error::ReportError;
pub(crate) use layout::{shorten, wrap};
pub use record::{CleanupFailure, Death, Record};
pub use spec::{ReportKind, ReportSpec};
pub use summary::{Counts, RequirementResult, Summary, exit_code};
pub use terminal::Terminal;

use crate::events::Event;
use crate::verdict::exit;
use file::ReportFile;
use log_dir::LogDir;

/// A report that tells as it comes. What goes wrong on the way is kept for [`Report::finish`]: a report never
/// stops a run.
pub trait Report: Send {
    /// Takes one event.
    fn event(&mut self, event: &Cleaned);
    /// Tells the end.
    fn finish(&mut self, end: &End<'_>) -> Result<(), ReportError>;
}

/// What of a result fails the build, beyond failures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gate {
    /// `--strict`: warnings too.
    pub strict: bool,
    /// `--deny partial`: a partial conclusion too.
    pub deny_partial: bool,
}

/// A run from behind.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Everything told, results in order of their ids.
    pub record: &'a Record,
    /// What it comes to.
    pub summary: &'a Summary,
    /// What fails the build.
    pub gate: Gate,
    /// The exit code of the process.
    pub exit_code: i32,
}

/// What a run came to.
#[derive(Debug)]
pub struct Finished {
    /// That of the process.
    pub exit_code: i32,
    /// Reports that could not be written.
    pub errors: Vec<ReportError>,
    /// Counts and conclusion.
    pub summary: Summary,
}

/// All reports of one run.
pub struct Reports {
    record: Record,
    gate: Gate,
    files: Vec<(ReportKind, ReportFile)>,
    live: Vec<Box<dyn Report>>,
}

impl Reports {
    /// Opens the file reports and the log folder; nothing that is there now is changed yet.
    pub fn open(
        specs: &[ReportSpec],
        log_dir: Option<&Path>,
        gate: Gate,
    ) -> Result<Self, ReportError> {
        let mut files = Vec::new();
        for (at, spec) in specs.iter().enumerate() {
            let same = |earlier: &ReportSpec| file::place(&earlier.path) == file::place(&spec.path);
            if specs[..at].iter().any(same) {
                return Err(ReportError::SamePath(spec.path.clone()));
            }
            files.push((spec.kind, ReportFile::create(&spec.path)?));
        }
        let mut live = Vec::<Box<dyn Report>>::new();
        if let Some(dir) = log_dir {
            live.push(Box::new(LogDir::open(dir)?));
        }
        Ok(Reports { record: Record::default(), gate, files, live })
    }

    /// Adds a live report. They finish in the order in which they were added, after the files.
    pub fn add(&mut self, report: impl Report + 'static) {
        self.live.push(Box::new(report));
    }

    /// Tells every report of an event.
    pub fn event(&mut self, event: Event) {
        let event = Cleaned::new(event);
        for report in &mut self.live {
            report.event(&event);
        }
        self.record.event(event);
    }

    /// Writes every report, also after one has failed. The exit code is that of the run, or
    /// [`exit::USAGE`] if a report could not be written and the run was not interrupted.
    pub fn finish(mut self) -> Finished {
        self.record.sort();
        let summary = Summary::of(&self.record);
        let code = exit_code(&summary, self.gate.strict, self.gate.deny_partial);
        let mut end =
            End { record: &self.record, summary: &summary, gate: self.gate, exit_code: code };
        let mut errors = Vec::new();
        let note =
            |end: &mut End<'_>, errors: &mut Vec<ReportError>, written: Result<(), ReportError>| {
                if let Err(error) = written {
                    errors.push(error);
                    if code != exit::INTERRUPTED {
                        end.exit_code = exit::USAGE;
                    }
                }
            };
        for (kind, file) in self.files {
            let text = match kind {
                ReportKind::Junit => junit::render(&end),
                ReportKind::Json => json::render(&end),
            };
            note(&mut end, &mut errors, file.write(&text));
        }
        for report in &mut self.live {
            let written = report.finish(&end);
            note(&mut end, &mut errors, written);
        }
        Finished { exit_code: end.exit_code, errors, summary }
    }
}
