//! All that a run told, collected: what the reports at the end are made of.

use schemars::JsonSchema;
use serde::Serialize;

use super::Cleaned;
use crate::events::{CheckResult, Event, Finish, Header};

/// A death of the target.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Death {
    /// The checks that were in flight.
    pub during: Vec<String>,
    /// How it was noticed.
    pub how: String,
    /// How long it took to answer again, milliseconds; null if it never did.
    pub restarted_after_ms: Option<u64>,
}

/// Something that the run made and could not take away again.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CleanupFailure {
    /// The check or situation that made it.
    pub of: String,
    /// What is left and what the target said.
    pub message: String,
}

/// The events of a run by kind.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What was to be checked; `None` if the run never began.
    pub header: Option<Header>,
    /// Results, in the order of their arrival until [`Record::sort`].
    pub results: Vec<CheckResult>,
    /// Deaths of the target.
    pub deaths: Vec<Death>,
    /// What is left behind.
    pub cleanup_failures: Vec<CleanupFailure>,
    /// Remarks.
    pub notes: Vec<String>,
    /// How it ended; `None` if it was cut off.
    pub finish: Option<Finish>,
}

impl Record {
    /// Takes one event in.
    pub fn event(&mut self, event: Cleaned) {
        match event.into_event() {
            Event::RunStarted(header) => self.header = Some(*header),
            Event::CheckStarted { .. } => {}
            Event::CheckFinished(result) => self.results.push(*result),
            Event::TargetDied { during, how } => {
                self.deaths.push(Death { during, how, restarted_after_ms: None });
            }
            Event::TargetRestarted { took_ms } => {
                if let Some(death) = self.deaths.last_mut() {
                    death.restarted_after_ms.get_or_insert(took_ms);
                }
            }
            Event::CleanupFailed { of, message } => {
                self.cleanup_failures.push(CleanupFailure { of, message })
            }
            Event::Note(note) => self.notes.push(note),
            Event::RunFinished(finish) => self.finish = Some(*finish),
        }
    }

    /// Orders the results by id: a run with `-j 8` is then written exactly as one with `-j 1`.
    pub fn sort(&mut self) {
        self.results.sort_by(|a, b| a.id.cmp(&b.id));
    }
}
