//! What is noted of a rule at work: what is wrong with it, and whether it changed anything. A rule of a
//! proxy in another process writes it into a file, line by line, because such a process is killed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

/// Before a line that says what is wrong.
const WRONG: &str = "wrong ";
/// Before a line that names a bend that changed something, by its place in the rule.
const CHANGED: &str = "changed ";

/// The notes of one rule.
#[derive(Debug, Default)]
pub struct Notes {
    /// What is wrong with the rule itself.
    pub complaints: Vec<String>,
    /// The bends that did anything to any call.
    pub changed: BTreeSet<usize>,
    file: Option<PathBuf>,
}

impl Notes {
    /// Notes that are added to a file, too.
    pub fn into_file(file: &Path) -> Notes {
        Notes { file: Some(file.to_owned()), ..Notes::default() }
    }

    /// What stands in such a file; nothing where none was written.
    pub fn read(file: &Path) -> Notes {
        let mut notes = Notes::default();
        for line in fs::read_to_string(file).unwrap_or_default().lines() {
            if let Some(why) = line.strip_prefix(WRONG) {
                notes.complain(why.to_owned());
            } else if let Some(bend) = line.strip_prefix(CHANGED) {
                notes.changed.extend(bend.parse::<usize>());
            }
        }
        notes
    }

    /// Notes what is wrong, once.
    pub fn complain(&mut self, why: String) {
        // One line each.
        let why = why.replace('\n', " ");
        if !self.complaints.contains(&why) {
            self.add(&format!("{WRONG}{why}\n"));
            self.complaints.push(why);
        }
    }

    /// Notes that a bend did something.
    pub fn change(&mut self, bend: usize) {
        if self.changed.insert(bend) {
            self.add(&format!("{CHANGED}{bend}\n"));
        }
    }

    fn add(&self, line: &str) {
        let Some(path) = &self.file else { return };
        let file = File::options().create(true).append(true).open(path);
        // One write: a proxy that is started again writes into the same file.
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the folder of the rules is ours");
    }
}
