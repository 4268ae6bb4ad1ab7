//! The form of the files that say how a plugin differs: `tests/defects/cni`, `tests/oddities/cni`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The version that is tried where a difference names none: the newest that the plugins know.
pub const SPEC: &str = "1.0.0";

/// A file of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    defect: Vec<Difference>,
    #[serde(default)]
    oddity: Vec<Difference>,
}

/// A plugin that differs from a good one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// A slug, unique among all.
    pub name: String,
    /// What this plugin does wrong, or differently.
    pub says: String,
    /// The good plugin that is bent.
    #[serde(default = "bridge")]
    pub plugin: String,
    /// A profile of the tests' own for it, in `tests/defects/cni/profiles`; the built-in one otherwise.
    #[serde(default)]
    pub profile: Option<String>,
    /// The version of the specification that is tried; several, where they are compared: `0.4.0,1.0.0`.
    #[serde(default = "spec")]
    pub spec: String,
    /// Only these checks are tried, in words of `--select`.
    #[serde(default)]
    pub only: Vec<String>,
    /// Of an oddity: derived checks that may warn, as patterns.
    #[serde(default)]
    pub warns: Vec<String>,
    /// Takes standard input with a single read.
    #[serde(default)]
    pub one_read: bool,
    /// What is done to its executions.
    pub bends: Vec<Bend>,
    /// The file's name.
    #[serde(default)]
    pub topic: String,
}

/// What is done to some executions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bend {
    /// Which commands; all, if none is named.
    pub on: Vec<String>,
    /// Which of them: an expression over what is known before.
    pub when: Option<String>,
    /// Which of them: an expression that also sees how the good one ended. What is done before its
    /// execution does not hang on it.
    pub then: Option<String>,
    /// Variables that the good one gets.
    pub env: BTreeMap<String, String>,
    /// Variables that it does not get.
    pub unset: Vec<String>,
    /// Changes of the configuration that it gets.
    pub config: Edit,
    /// How much of its standard input it gets.
    pub stdin_first: Option<usize>,
    /// It works in a network namespace of its own.
    pub elsewhere: bool,
    /// Done before.
    pub before: Vec<Act>,
    /// The good one is not executed.
    pub skip: bool,
    /// Done after.
    pub after: Vec<Act>,
    /// Changes of the JSON on standard output.
    pub reply: Edit,
    /// An error object in the place of standard output; `cniVersion` is added. The exit code is 1 where
    /// no other is given.
    pub error: Option<Json>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Before and behind what is on standard output.
    pub prepend: String,
    pub append: String,
    /// Behind what is on standard error.
    pub stderr: String,
    /// What is on standard error comes not out.
    pub stderr_lost: bool,
    /// The exit code.
    pub exit: Option<i32>,
    /// Waits before everything.
    pub delay_ms: u64,
    /// How it ends instead of with an exit code.
    pub end: Option<End>,
    /// Leaves a process that holds standard output open.
    pub hold_open: bool,
    /// Objects are written with their keys in the opposite order.
    pub reversed: bool,
}

/// Ends without an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Never.
    Hang,
    /// By SIGABRT.
    Abort,
    /// By SIGKILL.
    Kill,
}

/// Changes of JSON. Places are JSON pointers, in which `*` stands for every element or member.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edit {
    /// Values by place; objects on the way are made. A text may be `$path` or hold `${expression}`,
    /// and sees `old`.
    pub set: BTreeMap<String, Json>,
    /// Places that are taken away.
    pub remove: Vec<String>,
    /// Elements by the place of their list.
    pub add: BTreeMap<String, Vec<Json>>,
}

impl Edit {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty() && self.add.is_empty()
    }
}

/// Something else that is done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Act {
    /// Done inside the container's network namespace, and not on the host.
    pub inside: bool,
    /// Executes a good plugin once more, with this call's environment and configuration.
    pub execute: Option<Execute>,
    /// Changes a link, address or route: as `stdcheck::stage::wire::LinkOp`.
    pub link: Option<Json>,
    /// Writes a file, or a sysctl.
    pub write: Option<String>,
    /// What is written.
    pub text: String,
    /// Removes a file or folder.
    pub remove: Option<String>,
    /// Executes a program and its arguments: for rules of the packet filter.
    pub run: Vec<String>,
    /// Whether it does not matter if it cannot be done.
    pub may_fail: bool,
}

/// One more execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Execute {
    /// Another plugin of the folder of good ones, or of one of CNI_PATH.
    pub plugin: Option<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// Variables that it does not get.
    pub unset: Vec<String>,
    /// Changes of the configuration.
    pub config: Edit,
}

/// What lies beside a shim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// The folder of good plugins.
    pub good: std::path::PathBuf,
    /// Where it says what is wrong with the rule itself.
    pub complaints: std::path::PathBuf,
    /// How it differs; an honest shim does not.
    pub difference: Difference,
}

impl Difference {
    /// None at all.
    pub fn none(plugin: &str, spec: &str) -> Difference {
        Difference {
            name: "none".to_owned(),
            says: String::new(),
            plugin: plugin.to_owned(),
            profile: None,
            spec: spec.to_owned(),
            only: Vec::new(),
            warns: Vec::new(),
            one_read: false,
            bends: Vec::new(),
            topic: String::new(),
        }
    }
}

fn bridge() -> String {
    "bridge".to_owned()
}

fn spec() -> String {
    SPEC.to_owned()
}

/// All differences of a folder, in the order of its files.
///
/// # Errors
/// What is wrong with a file.
pub fn read_folder(folder: &Path) -> Result<Vec<Difference>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        files.push(entry.map_err(told)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut all: Vec<Difference> = Vec::new();
    for file in files {
        let topic = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if topic == "exempt" {
            continue;
        }
        let text = fs::read_to_string(&file).map_err(told)?;
        let read: File =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        for mut one in read.defect.into_iter().chain(read.oddity) {
            one.topic.clone_from(&topic);
            if all.iter().any(|known| known.name == one.name) {
                return Err(format!("{}: there are two called {}", file.display(), one.name));
            }
            all.push(one);
        }
    }
    Ok(all)
}
