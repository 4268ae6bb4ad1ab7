//! What a run has made on its target and not yet taken back, on disk: a killed run's `clean` reads it
//! where the target itself does not tell whose an object is (CSI has no labels).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::suite::expr::{Value, value};

/// Its file in the run's folder.
const FILE: &str = "journal";
/// Fields of requests that must not stand on a disk; `clean` is told them anew.
const SECRETS: &str = "secrets";

/// The journal of one run; nothing is written before something is made.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<Option<File>>,
    /// What is written while the next call is under way. A run that is killed before loses it, and `clean`
    /// takes what was answered for something that was under way, and finds what is over gone.
    waiting: Mutex<Vec<Waiting>>,
    /// What this run does not try to take back any more.
    given_up: Mutex<BTreeSet<u64>>,
    next: AtomicU64,
    /// How much of this run's own is not over.
    open: AtomicU64,
}

/// Something that was made, or may have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number in the journal.
    pub number: u64,
    /// `Service/Rpc`
    pub rpc: String,
    /// What was asked, without secrets.
    pub request: Json,
    /// What was answered; nothing is known of a call that was under way.
    pub reply: Option<Json>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Asked { number: u64, rpc: String, request: Json },
    Answered { number: u64, reply: Json },
    Over { number: u64 },
}

/// What is not written yet.
#[derive(Debug)]
enum Waiting {
    Answered { number: u64, reply: Value },
    Over { number: u64 },
}

impl Waiting {
    fn line(&self) -> Line {
        match self {
            Waiting::Answered { number, reply } => {
                Line::Answered { number: *number, reply: value::to_json(reply) }
            }
            Waiting::Over { number } => Line::Over { number: *number },
        }
    }
}

impl Journal {
    /// That of the run whose folder this is.
    pub fn in_folder(dir: &Path) -> Journal {
        Journal {
            path: dir.join(FILE),
            file: Mutex::default(),
            waiting: Mutex::default(),
            given_up: Mutex::default(),
            next: AtomicU64::new(1),
            open: AtomicU64::new(0),
        }
    }

    /// Something is going to be made. Gives the entry's number.
    pub fn asked(&self, rpc: &str, request: &Value) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut request = value::to_json(request);
        if let Some(members) = request.as_object_mut() {
            members.remove(SECRETS);
        }
        self.write(&Line::Asked { number, rpc: rpc.to_owned(), request });
        number
    }

    /// It was made: written at the next [`Journal::flush`].
    pub fn answered(&self, number: u64, reply: Value) {
        self.wait(Waiting::Answered { number, reply });
    }

    /// It was refused, or taken back: written at the next [`Journal::flush`], too.
    pub fn over(&self, number: u64) {
        if self.is_own() {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.wait(Waiting::Over { number });
    }

    /// Whether this run began it, so that nothing in it is of another.
    fn is_own(&self) -> bool {
        self.next.load(Ordering::Relaxed) > 1
    }

    fn wait(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }

    /// Writes what waits.
    pub fn flush(&self) {
        self.append("");
    }

    /// It stays: `clean` may try once more, this run does not.
    pub fn give_up(&self, number: u64) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// A disk that is full costs what `clean` would know, and no check.
    fn write(&self, line: &Line) {
        self.append(&text(line));
    }

    /// Writes what waits, then this.
    fn append(&self, text: &str) {
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        let lines = waiting.into_iter().map(|waiting| self::text(&waiting.line()));
        let lines: String = lines.chain([text.to_owned()]).collect();
        if lines.is_empty() {
            return;
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = OpenOptions::new().create(true).append(true).open(&self.path).ok();
        }
        if let Some(file) = file.as_mut() {
            // One write: as many as a line has pieces took longer than the call that it is about.
            let _ = file.write_all(lines.as_bytes());
        }
    }

    /// What was made and not taken back, the newest first. A line that a kill cut short says nothing.
    pub fn left(&self) -> Vec<Entry> {
        if self.is_own() && self.open.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        self.flush();
        let Ok(file) = File::open(&self.path) else { return Vec::new() };
        let mut entries = BTreeMap::new();
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        for line in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
            match line {
                Line::Asked { number, rpc, request } => {
                    entries.insert(number, Entry { number, rpc, request, reply: None });
                }
                Line::Answered { number, reply } => {
                    if let Some(entry) = entries.get_mut(&number) {
                        entry.reply = Some(reply);
                    }
                }
                Line::Over { number } => drop(entries.remove(&number)),
            }
        }
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let left = entries.into_values().filter(|entry| !given_up.contains(&entry.number));
        left.rev().collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.flush();
    }
}

fn text(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("numbers, text and JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_taken_back_is_read_again_newest_first_and_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(dir.path());
        assert_eq!(journal.left(), []);
        let request = |name: &str| {
            value::from_json(&json!({ "name": name, "secrets": { "password": "hidden" } }))
        };
        let first = journal.asked("Controller/CreateVolume", &request("a"));
        let second = journal.asked("Controller/CreateVolume", &request("b"));
        let third = journal.asked("Controller/CreateVolume", &request("c"));
        journal.answered(first, value::from_json(&json!({ "volume": { "volume_id": "1" } })));
        journal.over(second);
        assert_eq!(journal.left().len(), 2);
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!text.contains("hidden"), "{text}");
        std::fs::write(dir.path().join(FILE), format!("{text}{{\"asked\": {{\"num")).unwrap();
        let left = Journal::in_folder(dir.path()).left();
        let numbers: Vec<u64> = left.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [third, first]);
        assert_eq!(left[1].reply, Some(json!({ "volume": { "volume_id": "1" } })));
        assert_eq!((left[0].reply.clone(), &left[0].request), (None, &json!({ "name": "c" })));
        journal.give_up(third);
        assert_eq!(journal.left().len(), 1);
    }
}
