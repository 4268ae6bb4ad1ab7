//! `stdcheck compare`: what differs between the reports of several targets.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::common::{Stop, print_line};
use crate::{
    compare::{self, Comparison, Notes},
    verdict::exit,
};

/// Compare the JSON reports of several targets
///
/// Name the old target's report first and the new one's last (stdcheck cri --report json=FILE
/// writes them): what the new one breaks and the old one kept comes first. Ids, times and addresses
/// are left out of what was seen. The exit code is 0 whatever differs.
#[derive(Debug, Parser)]
pub struct Args {
    /// The reports, the old one first
    #[arg(required = true, num_args = 2.., value_name = "REPORT")]
    reports: Vec<PathBuf>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Notes that stand beside findings: [[note]] with `of`, a code or slug, and `by_hand`
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a terminal: what differs
    #[default]
    Text,
    /// A page with every finding
    Markdown,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let read = |path: &PathBuf| Ok((path.display().to_string(), compare::read(path)?));
        let reports: Result<Vec<_>, compare::ReadError> = self.reports.iter().map(read).collect();
        let comparison = Comparison::of(reports.map_err(Stop::usage)?).map_err(Stop::usage)?;
        let notes = match &self.notes {
            Some(path) => Notes::read(path).map_err(Stop::usage)?,
            None => Notes::default(),
        };
        let page = match self.format {
            Form::Text => compare::terminal(&comparison, &notes),
            Form::Markdown => compare::markdown(&comparison, &notes),
        };
        print_line(page.trim_end());
        for note in notes.idle(&comparison) {
            anstream::eprintln!("stdcheck: the note of {} has no finding to stand beside", note.of);
        }
        Ok(exit::OK)
    }
}
