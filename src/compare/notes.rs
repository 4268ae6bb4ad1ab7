//! `--notes FILE`: what people found out about findings, told beside them.

use std::{path::Path, sync::Arc};

use serde::Deserialize;
use toml::Spanned;

use super::{Comparison, Row};
use crate::suite::diagnostic::{Diagnostic, SourceFile};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotesFile {
    #[serde(default)]
    note: Vec<NoteDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteDef {
    of: Spanned<String>,
    by_hand: Spanned<String>,
}

/// What is known of one finding.
#[derive(Clone, Debug)]
pub struct Note {
    /// A requirement's code, a check's slug, or a slug without its case.
    pub of: String,
    /// How the finding was repeated without stdcheck.
    pub by_hand: String,
}

/// All notes of a file.
#[derive(Clone, Debug, Default)]
pub struct Notes(Vec<Note>);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// It cannot be read.
    #[error("cannot read the notes {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It has a mistake.
    #[error("{0}")]
    Mistake(Diagnostic),
}

impl Notes {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or has a mistake, with its place.
    pub fn read(path: &Path) -> Result<Notes, NotesError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| NotesError::Unreadable { path: name.clone(), error })?;
        Notes::parse(&Arc::new(SourceFile { path: name, text })).map_err(NotesError::Mistake)
    }

    fn parse(file: &Arc<SourceFile>) -> Result<Notes, Diagnostic> {
        let parsed: NotesFile = toml::from_str(&file.text).map_err(|error| {
            Diagnostic::new(file, error.span().unwrap_or(0..0), error.message().to_owned())
        })?;
        let mut notes: Vec<Note> = Vec::new();
        for NoteDef { of, by_hand } in parsed.note {
            if by_hand.as_ref().trim().is_empty() {
                return Err(Diagnostic::new(file, by_hand.span(), "a note says something"));
            }
            if notes.iter().any(|note| note.of == *of.as_ref()) {
                let message = format!("there is a note of {} already", of.as_ref());
                return Err(Diagnostic::new(file, of.span(), message));
            }
            notes.push(Note { of: of.into_inner(), by_hand: by_hand.into_inner() });
        }
        Ok(Notes(notes))
    }

    /// Those that speak of what a check found.
    pub fn on<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Note> {
        self.0.iter().filter(|note| note.speaks_of(row))
    }

    /// Those that speak of nothing that the reports found.
    pub fn idle<'a>(&'a self, comparison: &'a Comparison) -> impl Iterator<Item = &'a Note> {
        self.0.iter().filter(|note| !comparison.checks.iter().any(|row| note.speaks_of(row)))
    }
}

impl Note {
    fn speaks_of(&self, row: &Row) -> bool {
        let slug = row.id.split_once('[').map_or(row.id.as_str(), |(slug, _)| slug);
        let found = row.findings().next().is_some();
        found && (row.id == self.of || slug == self.of || row.codes().contains(&self.of.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_place() {
        let told = |text: &str| {
            let file = SourceFile { path: "notes.toml".into(), text: text.into() };
            Notes::parse(&Arc::new(file)).unwrap_err().to_string()
        };
        let twice =
            "[[note]]\nof = \"A\"\nby_hand = \"x\"\n[[note]]\nof = \"A\"\nby_hand = \"y\"\n";
        for (text, place, says) in [
            ("[[note]]\nof = \"A\"\n", "notes.toml:1", "missing field `by_hand`"),
            ("[[note]]\nof = \"A\"\nby_hand = \" \"\n", "notes.toml:3", "a note says something"),
            (twice, "notes.toml:5", "a note of A already"),
        ] {
            let told = told(text);
            assert!(told.contains(place) && told.contains(says), "{told}");
        }
    }
}
