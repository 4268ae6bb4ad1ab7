//! What a run has made on its target and not yet taken back, on disk: a killed run's `clean` reads it
//! where the target itself does not tell whose an object is (CSI has no labels).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _};
use serde::{Deserialize, Serialize};

use super::sent::Sent;
use crate::{
    drive::grpc::Answer,
    stage::wire::Bytes,
    suite::{
        expr::{Value, value},
        rpc,
    },
};

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
    /// What was asked, without secrets: the message as it goes over the wire.
    pub request: Bytes,
    /// What was answered, likewise; nothing is known of a call that was under way.
    pub reply: Option<Bytes>,
}

impl Entry {
    /// Request and reply as expressions see them.
    ///
    /// # Errors
    /// If they are none of that rpc, or there is no such rpc in the package.
    pub fn read(&self, package: &str) -> Result<(Value, Option<Value>), String> {
        let method = rpc::find(package, &self.rpc)?;
        let read = |of: MessageDescriptor, bytes: &Bytes| {
            DynamicMessage::decode(of, bytes.0.as_slice())
                .map(|message| value::from_message(&message))
                .map_err(|error| format!("the journal holds no proper {}: {error}", self.rpc))
        };
        let request = read(method.input(), &self.request)?;
        let reply = self.reply.as_ref().map(|reply| read(method.output(), reply)).transpose()?;
        Ok((request, reply))
    }
}

/// What a journal tells of.
#[derive(Debug, Default, PartialEq)]
pub struct Left {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// How many whole lines cannot be read: another stdcheck wrote them. Something may be left of them.
    pub unreadable: usize,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Asked { number: u64, rpc: String, request: Bytes },
    Answered { number: u64, reply: Bytes },
    Over { number: u64 },
}

/// What is not written yet.
#[derive(Debug)]
enum Waiting {
    Answered { number: u64, answer: Arc<Answer> },
    Over { number: u64 },
}

impl Waiting {
    fn line(&self) -> Line {
        match self {
            Waiting::Answered { number, answer } => {
                let reply = answer.reply().map(|reply| reply.encode_to_vec()).unwrap_or_default();
                Line::Answered { number: *number, reply: reply.into() }
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
    pub fn asked(&self, rpc: &str, request: &Sent) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let request = match request.message().descriptor().get_field_by_name(SECRETS) {
            Some(secrets) => request.bytes_without(secrets.number()).into(),
            None => Bytes::from(request.bytes()),
        };
        self.write(&Line::Asked { number, rpc: rpc.to_owned(), request });
        number
    }

    /// It was made: written at the next [`Journal::flush`].
    pub fn answered(&self, number: u64, answer: Arc<Answer>) {
        self.wait(Waiting::Answered { number, answer });
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

    /// What was made and not taken back. A line that a kill cut short says nothing.
    pub fn left(&self) -> Left {
        if self.is_own() && self.open.load(Ordering::Relaxed) == 0 {
            return Left::default();
        }
        self.flush();
        let Ok(text) = std::fs::read(&self.path) else { return Left::default() };
        let mut entries = BTreeMap::new();
        let mut unreadable = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
        {
            match serde_json::from_slice(line) {
                Ok(Line::Asked { number, rpc, request }) => {
                    entries.insert(number, Entry { number, rpc, request, reply: None });
                }
                Ok(Line::Answered { number, reply }) => {
                    if let Some(entry) = entries.get_mut(&number) {
                        entry.reply = Some(reply);
                    }
                }
                Ok(Line::Over { number }) => drop(entries.remove(&number)),
                Err(_) => unreadable += 1,
            }
        }
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let left = entries.into_values().filter(|entry| !given_up.contains(&entry.number));
        Left { entries: left.rev().collect(), unreadable }
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
    use super::*;
    use crate::suite::request;

    const CREATE: &str = "Controller/CreateVolume";

    fn message(of: MessageDescriptor, members: &Value) -> DynamicMessage {
        let mut message = DynamicMessage::new(of);
        request::fill(&mut message, members).unwrap();
        message
    }

    #[test]
    fn what_was_not_taken_back_is_read_again_newest_first_and_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(dir.path());
        assert_eq!(journal.left(), Left::default());
        let method = rpc::find("csi.v1", CREATE).unwrap();
        let secrets = || value::map([("password", Value::from("hidden"))]);
        let request = |name: &str| {
            let members = value::map([("name", Value::from(name)), ("secrets", secrets())]);
            Sent::from(message(method.input(), &members))
        };
        let first = journal.asked(CREATE, &request("a"));
        let second = journal.asked(CREATE, &request("b"));
        let third = journal.asked(CREATE, &request("c"));
        let volume = value::map([("volume_id", Value::from("1"))]);
        let reply = message(method.output(), &value::map([("volume", volume)]));
        let mut answer = Answer::none("");
        answer.replies.push(reply);
        journal.answered(first, Arc::new(answer));
        journal.over(second);
        assert_eq!(journal.left().entries.len(), 2);
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        std::fs::write(dir.path().join(FILE), format!("{text}{{\"asked\": {{\"num")).unwrap();
        let Left { entries: left, unreadable } = Journal::in_folder(dir.path()).left();
        assert_eq!(unreadable, 0);
        let numbers: Vec<u64> = left.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [third, first]);
        let (asked, answered) = left[1].read("csi.v1").unwrap();
        let id =
            |reply: &Value| value::member(value::member(reply, "volume")?, "volume_id").cloned();
        assert_eq!(answered.as_ref().and_then(id), Some(Value::from("1")));
        assert_eq!(value::member(&asked, "name"), Some(&Value::from("a")));
        assert_eq!(value::member(&asked, "secrets"), Some(&value::map([])));
        for entry in &left {
            assert!(!entry.request.0.windows(6).any(|part| part == b"hidden"));
        }
        assert_eq!(left[0].read("csi.v1").unwrap().1, None);
        journal.give_up(third);
        assert_eq!(journal.left().entries.len(), 1);
    }

    #[test]
    fn a_line_of_another_stdcheck_is_not_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lines = "{\"asked\":{\"number\":1,\"rpc\":\"Controller/CreateVolume\",\"request\":{}}}\n\
                     {\"answered\":{\"number\":1,\"reply\":\"no base64!\"}}\n{\"over\":{\"num";
        std::fs::write(dir.path().join(FILE), lines).unwrap();
        let left = Journal::in_folder(dir.path()).left();
        assert_eq!(left, Left { entries: Vec::new(), unreadable: 2 });
    }

    #[test]
    fn what_is_no_message_of_its_rpc_is_told() {
        let entry = |rpc: &str, request: &'static [u8]| Entry {
            number: 1,
            rpc: rpc.to_owned(),
            request: request.into(),
            reply: None,
        };
        assert!(entry(CREATE, &[0xff]).read("csi.v1").is_err());
        assert!(entry("Controller/Nothing", &[]).read("csi.v1").is_err());
    }
}
