//! What a shim remembers from one execution to the next: a file in a folder of the stage in which no
//! check looks for what a plugin left behind.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use stdcheck::delegate::FOLDER;

/// An execution, when it begins and, with its end, again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub command: String,
    /// `CNI_CONTAINERID`
    pub id: String,
    pub ifname: String,
    pub netns: String,
    pub network: String,
    /// `CNI_PATH`
    pub path: String,
    pub config: Json,
    /// None where it only begins.
    pub exit: Option<i32>,
    pub reply: Json,
}

impl Entry {
    /// Whether both are about one attachment.
    pub fn is_of(&self, other: &Entry) -> bool {
        (&self.id, &self.ifname, &self.network) == (&other.id, &other.ifname, &other.network)
    }
}

/// All executions on this stage so far.
pub fn read() -> Vec<Entry> {
    let text = fs::read_to_string(file()).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Adds one. Outside a stage there is no such folder, and nothing is remembered.
pub fn add(entry: &Entry) {
    let line = format!("{}\n", serde_json::to_string(entry).expect("plain data"));
    let opened = fs::OpenOptions::new().append(true).create(true).open(file());
    if let Ok(mut file) = opened {
        // One write: executions side by side do not come between.
        let _ = file.write_all(line.as_bytes());
    }
}

fn file() -> PathBuf {
    Path::new(FOLDER).join("shim.jsonl")
}
