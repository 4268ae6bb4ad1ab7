//! Logs of containers in the form that the interface fixes, and the process that writes them all the
//! while.
//!
//! A log is a file that is held open, as by a process: who renames it takes the output along, until
//! it is reopened. Its `switches` make it different: dishonest, or legal and unusual.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    containers,
    state::{Container, Store},
};

/// A longer line is cut into pieces of this length.
const LONGEST: usize = 16 * 1024;

/// All that were ever opened, by the id of their container.
static LOGS: LazyLock<Mutex<BTreeMap<String, Arc<Mutex<Log>>>>> = LazyLock::new(Mutex::default);

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Log {
    path: String,
    /// None where there is no folder for it, which nobody asked for.
    file: Option<File>,
    /// The process has ended.
    closed: bool,
    /// What has no newline yet, by stream.
    pending: BTreeMap<&'static str, Vec<u8>>,
    switches: Vec<String>,
    entries: u64,
}

impl Log {
    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|on| on == switch)
    }

    /// Writes what is whole and keeps the rest.
    fn take(&mut self, stream: &'static str, bytes: &[u8]) {
        let early = self.has("log-early-pieces");
        let longest = if early { LONGEST / 2 } else { LONGEST };
        let mut pending = self.pending.remove(stream).unwrap_or_default();
        pending.extend_from_slice(bytes);
        let mut rest = &pending[..];
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.filter(|end| *end <= longest) {
                if early {
                    self.entry(stream, "P", &rest[..end]);
                }
                self.entry(stream, "F", if early { b"" } else { &rest[..end] });
                rest = &rest[end + 1..];
            } else if rest.len() > longest {
                self.entry(stream, "P", &rest[..longest]);
                rest = &rest[longest..];
            } else {
                break;
            }
        }
        self.pending.insert(stream, rest.to_vec());
    }

    /// One line of the log.
    fn entry(&mut self, stream: &str, tag: &str, content: &[u8]) {
        self.entries += 1;
        let mut now = jiff::Timestamp::now();
        if self.has("log-times-backwards") && self.entries.is_multiple_of(10) {
            now -= Duration::from_secs(1);
        }
        let time = if self.has("log-unix-times") {
            now.as_second().to_string()
        } else if self.has("log-local-times") {
            let zone = jiff::tz::Offset::constant(2);
            now.display_with_offset(zone).to_string()
        } else {
            now.to_string()
        };
        let stream = if self.has("log-other-streams") {
            &stream[3..]
        } else if self.has("log-one-stream") {
            "stdout"
        } else {
            stream
        };
        let tag = if self.has("log-all-full") {
            "F"
        } else if self.has("log-other-tags") {
            "full"
        } else if self.has("log-more-tags") {
            &format!("{tag}:more")
        } else {
            tag
        };
        let text = String::from_utf8_lossy(content);
        let content = if self.has("log-only-text") { text.as_bytes() } else { content };
        let head = if self.has("log-no-tags") {
            format!("{time} {stream} ")
        } else {
            format!("{time} {stream} {tag} ")
        };
        let line = if self.has("log-json") {
            format!("{}\n", serde_json::json!({ "log": text, "stream": stream })).into_bytes()
        } else {
            [head.as_bytes(), content, b"\n"].concat()
        };
        if let Some(file) = &mut self.file {
            let _ = file.write_all(&line);
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let new = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if self.file.is_some() && self.has("log-loses-at-reopen") {
            // What comes next is not in the old file and not in the new one.
            self.pending.insert("stdout", b"lost ".to_vec());
        }
        if self.file.is_none() || !self.has("log-old-file") {
            self.file = Some(new);
        }
        Ok(())
    }

    /// What has no newline ends where it is.
    fn close(&mut self) {
        for (stream, rest) in std::mem::take(&mut self.pending) {
            if !rest.is_empty() && !self.has("log-no-end") {
                self.entry(stream, "P", &rest);
                if self.has("log-early-pieces") {
                    self.entry(stream, "F", b"");
                }
            }
        }
        (self.closed, self.file) = (true, None);
    }
}

/// Opens the log of a container that starts.
pub fn open(container: &Container, switches: &[String]) {
    let path = match switches.iter().any(|on| on == "log-elsewhere") {
        true if !container.log.is_empty() => format!("{}.log", container.log),
        _ => container.log.clone(),
    };
    let mut log = Log { path, switches: switches.to_vec(), ..Log::default() };
    // A folder that is not there is no reason to fail: nobody asked for it.
    let _ = log.reopen();
    lock(&LOGS).insert(container.id.clone(), Arc::new(Mutex::new(log)));
}

/// That of a container that runs. After a restart it is opened again.
fn of(container: &Container) -> Arc<Mutex<Log>> {
    find(&container.id).unwrap_or_else(|| {
        open(container, &[]);
        find(&container.id).expect("it was opened")
    })
}

fn find(id: &str) -> Option<Arc<Mutex<Log>>> {
    lock(&LOGS).get(id).cloned()
}

/// Adds output; `stream` is `stdout` or `stderr`.
pub fn write(container: &Container, stream: &'static str, bytes: &[u8]) {
    lock(&of(container)).take(stream, bytes);
}

/// Goes on in a new file.
pub fn reopen(container: &Container) -> io::Result<()> {
    lock(&of(container)).reopen()
}

/// Ends the log of a container whose process has ended.
pub fn close(id: &str) {
    if let Some(log) = find(id) {
        lock(&log).close();
    }
}

/// Where the log of a container was, also after its removal.
pub fn path(id: &str) -> Option<String> {
    find(id).map(|log| lock(&log).path.clone())
}

/// Plays a `/guest count`, until it is done, or its container or the double ends.
pub fn count(store: &Arc<Store>, container: &Container) {
    let words: Vec<&str> = container.words.iter().map(String::as_str).collect();
    let ["/guest", "count", stream, lines, pause @ ..] = words.as_slice() else { return };
    let streams: &[&str] = match *stream {
        "stdout" => &["stdout"],
        "stderr" => &["stderr"],
        _ => &["stdout", "stderr"],
    };
    let lines: u64 = lines.parse().unwrap_or(0);
    let pause = pause.first().and_then(|seconds| seconds.parse().ok());
    let pause = Duration::from_secs_f64(pause.unwrap_or(0.0));
    let (store, id, log) = (Arc::downgrade(store), container.id.clone(), of(container));
    std::thread::spawn(move || {
        for number in 1..=lines {
            for stream in streams {
                let mut log = lock(&log);
                if log.closed || store.strong_count() == 0 {
                    return;
                }
                log.take(stream, format!("line {number:07}\n").as_bytes());
            }
            std::thread::sleep(pause);
        }
        if let Some(store) = store.upgrade() {
            store.put(|state| containers::ends(state, &id, 0));
        }
    });
}
