//! The progress bar, for a person who watches.

use std::io::{IsTerminal as _, stderr, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::events::Event;
use crate::report::layout::shorten;
use crate::verdict::Verdict;

/// A line at the bottom of the terminal, or nothing.
pub struct Progress {
    bar: Option<ProgressBar>,
    running: Vec<String>,
    failed: usize,
}

impl Progress {
    /// No bar.
    pub fn none() -> Self {
        Progress { bar: None, running: Vec::new(), failed: 0 }
    }

    /// A bar if both streams are terminals: it is drawn on standard error, and the report must not be elsewhere.
    /// indicatif itself draws nothing where TERM is `dumb`.
    pub fn where_watched() -> Self {
        let watched = stdout().is_terminal() && stderr().is_terminal();
        Progress {
            bar: watched.then(|| ProgressBar::no_length().with_style(style())),
            ..Progress::none()
        }
    }

    /// Shows how far the run is.
    pub fn event(&mut self, event: &Event) {
        let Some(bar) = &self.bar else { return };
        match event {
            Event::RunStarted(header) => {
                bar.set_length(header.selected as u64);
                // Ticks of its own: a check that waits for seconds must not look like a hang.
                bar.enable_steady_tick(Duration::from_millis(250));
            }
            Event::CheckStarted { id } => self.running.push(id.clone()),
            Event::CheckFinished(result) => {
                self.running.retain(|id| *id != result.id);
                self.failed += usize::from(result.verdict == Verdict::Fail);
                bar.inc(1);
            }
            _ => return,
        }
        let failed =
            if self.failed > 0 { format!("{} failed  ", self.failed) } else { String::new() };
        let oldest = self.running.first().map_or("", String::as_str);
        bar.set_message(shorten(&format!("{failed}{oldest}"), 44));
    }

    /// Does something with the bar out of the way.
    pub fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away for good.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{elapsed:>4} {bar:16} {pos}/{len}  {msg}")
        .expect("the template is a constant, and it is valid")
        .progress_chars("=> ")
}
