//! What a file of rules may hold. What is not there is refused.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use stdcheck::suite::tree::Tree;

/// One file: `[[defect]]`s or `[[oddity]]`s.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    defect: Vec<Difference>,
    #[serde(default)]
    oddity: Vec<Difference>,
}

/// A way to differ from the honest runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// A slug, unique among all defects.
    pub name: String,
    /// One plain sentence: what this runtime does.
    pub says: String,
    /// How it does that.
    #[serde(default)]
    pub bends: Vec<Bend>,
    /// Of a reference driver: the mistakes of its own that are switched on (`--defect`).
    #[serde(default)]
    pub switches: Vec<String>,
    /// Further arguments of the reference driver.
    #[serde(default)]
    pub args: Vec<String>,
    /// The reference driver runs twice: as a controller and as a node, each at an endpoint of its own.
    pub apart: Option<Apart>,
    /// Further lines of the configuration that stdcheck gets.
    #[serde(default)]
    pub config: String,
    /// Further flags of stdcheck.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Checks that are tried beside those whose own steps use a bent rpc: words of `--select`.
    #[serde(default)]
    pub select: Vec<String>,
    /// These are tried and no others: where the order of the calls of several checks would matter.
    #[serde(default)]
    pub only: Vec<String>,
    /// What becomes of a check where that is no finding: `error`, because nobody could tell more.
    #[serde(default)]
    pub gives: Gives,
    /// The section: the name of the file.
    #[serde(skip)]
    pub section: String,
    /// The file that it was read from.
    #[serde(skip)]
    pub file: PathBuf,
}

/// How the two differ that a reference driver is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apart {
    /// Further arguments of the one at the controller's endpoint.
    #[serde(default)]
    pub controller: Vec<String>,
    /// The same for the node's.
    #[serde(default)]
    pub node: Vec<String>,
    /// Before which of the two the bends are.
    pub bent: Option<End>,
}

/// One of two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Where the Controller service is.
    Controller,
    /// Where the Node service is.
    Node,
}

/// What a defect must give, at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gives {
    /// A fail or a warning.
    #[default]
    Finding,
    /// An error: a runtime that never answers is told, and accused of nothing.
    Error,
}

/// One thing that is done to the calls of one rpc.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bend {
    /// `RuntimeService/Version`; `*` stands for any text.
    pub rpc: String,
    /// Which calls, by an expression over `request`, `nth`, `earlier` and `restarts`. One that cannot
    /// be evaluated does not hold.
    pub when: Option<String>,
    /// What `nth` and `stale` count by: an expression over `request`. Without it, the rpc.
    pub per: Option<String>,
    /// Changes of the request before it is served.
    pub request: Option<Edits>,
    /// What is answered instead of serving.
    pub answer: Option<Answering>,
    /// Changes of the reply before it is sent.
    pub reply: Option<Edits>,
    /// Changes of the status as it is on the wire.
    pub status: Option<Status>,
    /// Further calls that the runtime gets once this one was served.
    #[serde(default)]
    pub also: Vec<Also>,
    /// `true`: the first answer is given for ever, while calls are still served.
    #[serde(default)]
    pub stale: bool,
    /// `true`: never answers.
    #[serde(default)]
    pub hang: bool,
    /// `true`: dies of the request.
    #[serde(default)]
    pub die: bool,
    /// How long it waits before it serves, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// How long it waits before it answers, once it has served.
    #[serde(default)]
    pub late_ms: u64,
    /// A switch inside the double, for what is not in any message. It is on for the whole run; `rpc`
    /// says in which calls it can be seen.
    pub switch: Option<String>,
}

/// Changes of a message, done in this order. Each is by path: `containers[*].state`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// Only where this holds, over `request`, `reply`, `nth`, `earlier`, `restarts`.
    pub when: Option<String>,
    /// Sets values; messages are made where they are missing, and merged deeply.
    #[serde(default)]
    pub set: Option<Tree>,
    /// Takes away fields, elements of lists and entries of maps.
    #[serde(default)]
    pub clear: Vec<String>,
    /// Leaves of a list or map what fits: an expression over `item` (and `key`) beside the others.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// Adds elements to a list, or entries to a map.
    #[serde(default)]
    pub add: Option<Tree>,
    /// Each element of a list this many times.
    #[serde(default)]
    pub repeat: BTreeMap<String, usize>,
    /// Changes text.
    #[serde(default)]
    pub alter: BTreeMap<String, Alteration>,
}

/// What is done with a text, or with every text in a list or map.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alteration {
    /// White space at its ends is lost.
    Trim,
    /// Small letters only.
    Lower,
    /// Large letters only.
    Upper,
    /// The second half is lost.
    Half,
    /// It is no UTF-8 any more.
    InvalidUtf8,
}

/// An answer that is not the runtime's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answering {
    /// The name of a gRPC code; `OK` without it.
    pub code: Option<String>,
    /// The message of a refusal.
    #[serde(default)]
    pub message: String,
    /// The fields of the reply; an empty one without it.
    pub reply: Option<Tree>,
    /// The reply as bytes, in hexadecimal digits.
    pub bytes: Option<String>,
    /// `true`: the request is served first, and its answer is lost.
    #[serde(default)]
    pub served: bool,
}

/// Changes of the status that ends an answer, for what no code of gRPC's can say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Only where this holds; it sees `code`, the name of the code, beside the others.
    pub when: Option<String>,
    /// Its number, which may be none of gRPC's.
    pub number: Option<i32>,
    /// What `grpc-status-details-bin` holds, in hexadecimal digits.
    pub details: Option<String>,
    /// `true`: there is none.
    #[serde(default)]
    pub lost: bool,
}

/// A further call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// The rpc.
    pub rpc: String,
    /// Its request.
    pub with: Option<Tree>,
}

/// Reads one file's text.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read_text(section: &str, text: &str) -> Result<Vec<Difference>, String> {
    let File { defect, oddity } = toml::from_str(text).map_err(|error| error.to_string())?;
    let named = |difference| Difference { section: section.to_owned(), ..difference };
    Ok(defect.into_iter().chain(oddity).map(named).collect())
}

/// Reads every `*.toml` of a folder, in the order of the names.
///
/// # Errors
/// What is wrong with a file, and where.
pub fn read_folder(folder: &Path) -> Result<Vec<Difference>, String> {
    let told = |error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut all: Vec<Difference> = Vec::new();
    for path in files {
        let section = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(told)?;
        let wrong = |why: String| format!("{}: {why}", path.display());
        for difference in read_text(&section, &text).map_err(wrong)? {
            if all.iter().any(|known| known.name == difference.name) {
                return Err(wrong(format!("`{}` is there twice", difference.name)));
            }
            all.push(Difference { file: path.clone(), ..difference });
        }
    }
    Ok(all)
}
