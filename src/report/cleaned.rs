//! The only door through which an event reaches a report.

use std::sync::Arc;

use super::clean::clean;
use crate::events::{CheckResult, Cited, Event, Exchange, Finding, Finish, Header, TargetInfo};

/// The most that one text keeps, in bytes; far more than any reader wants and far less than a target can send.
const CAP: usize = 64 * 1024;

/// An event whose every text has been cleaned. A report takes nothing else, so none can forget to.
///
/// The requests and replies inside an [`Exchange`] are values, not text: they stay as recorded, and whoever
/// writes them out escapes them.
#[derive(Clone, Debug)]
pub struct Cleaned(Event);

impl Cleaned {
    /// Cleans an event.
    pub fn new(mut event: Event) -> Self {
        match &mut event {
            Event::RunStarted(header) => header_in(header),
            Event::CheckStarted { id } => text(id),
            Event::CheckFinished(result) => result_in(result),
            Event::TargetDied { during, how } => {
                texts(during);
                text(how);
            }
            Event::TargetRestarted { .. } => {}
            Event::CleanupFailed { of, message } => {
                text(of);
                text(message);
            }
            Event::Note(note) => text(note),
            Event::RunFinished(finish) => finish_in(finish),
        }
        Cleaned(event)
    }

    /// The event itself.
    pub fn into_event(self) -> Event {
        self.0
    }
}

impl std::ops::Deref for Cleaned {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0
    }
}

fn text(text: &mut String) {
    *text = clean(text, CAP);
}

fn texts<'a>(all: impl IntoIterator<Item = &'a mut String>) {
    all.into_iter().for_each(text);
}

// Each struct is taken apart by name, so that a new field does not compile until it has been thought of.

fn header_in(header: &mut Header) {
    let Header { standard, run_id, started_at, command, target, selected: _, touches, stdcheck } =
        header;
    texts([standard, run_id, started_at, stdcheck]);
    texts(command);
    texts(touches);
    let TargetInfo { endpoint, name, version, api, api_from, capabilities } = target;
    texts([endpoint, name, version, api, api_from]);
    for capability in capabilities {
        texts([&mut capability.name, &mut capability.why]);
    }
}

fn result_in(result: &mut CheckResult) {
    let CheckResult {
        id,
        title,
        requires,
        verdict: _,
        kind: _,
        reason,
        finding,
        exchanges,
        waived,
        duration_ms: _,
    } = result;
    texts([id, title]);
    texts(reason);
    texts(waived);
    for Cited { code, level: _, basis: _, section, says, cap } in requires {
        texts([code, section, says]);
        texts(cap);
    }
    if let Some(Finding { codes, expected, actual, exchange: _, replay }) = finding {
        texts(codes);
        texts([expected, actual, replay]);
    }
    for exchange in exchanges {
        let Exchange { what, request: _, command, reply: _, code, message, at_ms: _, took_ms: _ } =
            Arc::make_mut(exchange);
        texts([what, code, message]);
        texts(command);
    }
}

fn finish_in(finish: &mut Finish) {
    let Finish {
        interrupted: _,
        wall_ms: _,
        target_ms: _,
        bad_waivers,
        ended_early,
        unattributed_deaths,
    } = finish;
    texts(bad_waivers);
    texts(ended_early);
    texts(unattributed_deaths);
}
