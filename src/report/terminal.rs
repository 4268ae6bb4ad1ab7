//! The report for a person at a terminal, or for the log of a job.

mod closing;
mod opening;
mod progress;
mod result;
mod style;

use std::{collections::BTreeMap, io::Write};

use super::{Cleaned, End, Report, ReportError};
use crate::events::{CheckResult, Event};
use crate::verdict::Verdict;
use progress::Progress;

/// The width that everything is laid out for, whatever the window has: blocks look the same in a log.
const WIDTH: usize = 80;

/// Tells each finding as soon as it comes, and a summary at the end. What goes into `out` carries colours;
/// a stream that wants none takes them out again ([`anstream`]).
pub struct Terminal<W> {
    out: W,
    progress: Progress,
    failed: Option<std::io::Error>,
    /// Reasons of errors that were told in full, with the check that had them first.
    errors: BTreeMap<String, String>,
}

impl Terminal<anstream::Stdout> {
    /// On standard output: colours where they are wanted, a progress bar where somebody watches.
    pub fn stdout() -> Self {
        Terminal {
            out: anstream::stdout(),
            progress: Progress::where_watched(),
            failed: None,
            errors: BTreeMap::new(),
        }
    }
}

impl<W: Write> Terminal<W> {
    /// On any stream, in colour and without a progress bar.
    pub fn on(out: W) -> Self {
        Terminal { out, progress: Progress::none(), failed: None, errors: BTreeMap::new() }
    }

    /// One cause often stops many checks: it is told in full once. Gives the check that had it first.
    fn first_with_its_reason(&mut self, result: &CheckResult) -> Option<String> {
        let reason = result.reason.as_ref().filter(|_| result.verdict == Verdict::Error)?;
        if let Some(first) = self.errors.get(reason) {
            return Some(first.clone());
        }
        self.errors.insert(reason.clone(), result.id.clone());
        None
    }

    fn print(&mut self, text: &str) {
        let Terminal { out, progress, failed, .. } = self;
        // After the first error nothing more is tried: the reader has gone.
        if failed.is_none() {
            *failed =
                progress.aside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush())).err();
        }
    }
}

impl<W: Write + Send> Report for Terminal<W> {
    fn event(&mut self, event: &Cleaned) {
        self.progress.event(event);
        match &**event {
            Event::RunStarted(header) => self.print(&opening::render(header)),
            Event::CheckFinished(result) => {
                let text = match self.first_with_its_reason(result) {
                    None => result::render(result),
                    Some(first) => result::same_error(&result.id, &first),
                };
                self.print(&text);
            }
            Event::TargetDied { during, how } => self.print(&result::died(during, how)),
            Event::TargetRestarted { took_ms } => self.print(&result::restarted(*took_ms)),
            Event::CleanupFailed { of, message } => self.print(&result::left_behind(of, message)),
            Event::Note(note) => self.print(&result::note(note)),
            Event::CheckStarted { .. } | Event::RunFinished(_) => {}
        }
    }

    fn finish(&mut self, end: &End<'_>) -> Result<(), ReportError> {
        self.progress.clear();
        self.print(&closing::render(end));
        self.failed.take().map_or(Ok(()), |error| Err(ReportError::Output(error)))
    }
}
