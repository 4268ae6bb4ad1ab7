//! Shims in folders of their own, and runs of the suite on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::Value;
use wildmatch::WildMatch;

use crate::{
    harness::{self, Bench},
    shim::{
        RULE,
        rule::{Difference, Rule},
    },
};

/// How many runs there are side by side: they wait for programs, and for what settles.
const BESIDE: usize = 4;

/// The checks that are exempt.
pub const EXEMPT: &str = "defects/cni/exempt.toml";

/// A folder or file of rules.
pub fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(of)
}

/// Where the good plugins are: Debian's, by `scripts/peers install 1.6`.
pub fn good_plugins() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        cache.unwrap_or_else(|| home.join(".cache")).join("stdcheck/peers")
    };
    let peers = std::env::var_os("STDCHECK_PEERS").map(PathBuf::from);
    peers.unwrap_or_else(cache).join("1.6/usr/lib/cni")
}

/// Why nothing can be tried here, if so.
pub fn missing() -> Option<String> {
    let wanted = std::env::var_os("STDCHECK_TEST_PEERS").is_some_and(|value| value == "1");
    if !wanted {
        return Some("set STDCHECK_TEST_PEERS=1 after scripts/peers install 1.6".to_owned());
    }
    let plugins = good_plugins();
    assert!(plugins.join("bridge").exists(), "scripts/peers install 1.6: no {}", plugins.display());
    None
}

/// Which differences are tried, if only some are (`trial`): patterns, with commas between them.
pub fn asked_for_some() -> Option<Vec<WildMatch>> {
    let patterns = std::env::var("STDCHECK_DEFECT").ok()?;
    Some(patterns.split(',').map(WildMatch::new).collect())
}

/// What a run came to.
#[derive(Default)]
pub struct Ran {
    /// What became of each check and invariant.
    pub checks: BTreeMap<String, Became>,
    /// What is wrong with the rule itself, or with the run.
    pub complaints: Vec<String>,
}

/// What became of a check.
#[derive(Default)]
pub struct Became {
    /// `pass`, `fail`, `warn`, `error` or `skip`.
    pub verdict: String,
    /// Why it is an error or a skip.
    pub reason: String,
    /// What should have been seen.
    pub expected: String,
    /// What was.
    pub actual: String,
    /// Commands that were executed for it; none of an invariant.
    pub commands: BTreeSet<String>,
    /// Whose execution broke an invariant.
    pub of: String,
}

impl Became {
    /// How bad a verdict is that accuses; 0 where it does not.
    pub fn weight(&self) -> u8 {
        match self.verdict.as_str() {
            "fail" => 2,
            "warn" => 1,
            _ => 0,
        }
    }

    /// For messages.
    pub fn told(&self) -> String {
        let Became { verdict, reason, expected, actual, .. } = self;
        match verdict.as_str() {
            "fail" | "warn" => format!("{verdict}: expected {expected}, actual {actual}"),
            _ => format!("{verdict}: {reason}"),
        }
    }
}

/// Runs some checks, or all where none is named, on a good plugin itself.
pub fn run_plain(plugin: &str, spec: &str, select: &[&str]) -> Ran {
    let bench = Bench::new();
    run_on(&bench, &good_plugins().join(plugin), &Difference::none(plugin, spec), select)
}

/// Runs some checks, or all where none is named, on a plugin that differs.
pub fn run(difference: &Difference, select: &[&str]) -> Ran {
    let bench = Bench::new();
    let folder = bench.file("plugins");
    let complaints = bench.file("complaints");
    fs::create_dir(&folder).expect("the folder is ours");
    let rule = Rule {
        good: good_plugins(),
        complaints: complaints.clone(),
        difference: difference.clone(),
    };
    let rule = serde_json::to_vec(&rule).expect("plain data");
    fs::write(folder.join(RULE), rule).expect("the folder is ours");
    let own = std::env::current_exe().expect("this program");
    for beside in fs::read_dir(good_plugins()).expect("it was looked at").flatten() {
        let bent = beside.file_name() == *difference.plugin;
        let plugin = if bent { &own } else { &beside.path() };
        symlink(plugin, folder.join(beside.file_name())).expect("the folder is ours");
    }
    let mut ran = run_on(&bench, &folder.join(&difference.plugin), difference, select);
    let told = fs::read_to_string(complaints).unwrap_or_default();
    let told: BTreeSet<&str> = told.lines().collect();
    ran.complaints.extend(told.into_iter().map(str::to_owned));
    ran
}

/// A profile of the tests' own.
pub fn profile_file(name: &str) -> String {
    folder("defects/cni/profiles").join(format!("{name}.toml")).display().to_string()
}

fn run_on(bench: &Bench, plugin: &Path, difference: &Difference, select: &[&str]) -> Ran {
    let text = |path: &Path| path.display().to_string();
    let report = format!("json={}", bench.file("out.json").display());
    let suite = text(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites/cni"));
    let (plugin, good) = (text(plugin), text(&good_plugins()));
    let mut arguments = vec!["cni", &plugin, "--cni-path", &good];
    arguments.extend(difference.spec.split(',').flat_map(|version| ["--spec", version]));
    let profile = difference.profile.as_deref().map(profile_file);
    arguments.extend(profile.iter().flat_map(|file| ["--profile", file]));
    arguments.extend(["--suite", &suite, "--jobs", "2", "--report", &report]);
    for words in select {
        arguments.extend(["--select", words]);
    }
    let told = bench.stdcheck(arguments);
    let report = bench.report();
    let mut ran = Ran::default();
    if report.is_null() {
        ran.complaints.push(format!("there is no report: {}", told.stderr));
        return ran;
    }
    for check in report["checks"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let finding = &check["finding"];
        let evidence = check["evidence"].as_array().into_iter().flatten();
        let became = Became {
            verdict: text(&check["verdict"]),
            reason: text(&check["reason"]),
            expected: text(&finding["expected"]),
            actual: text(&finding["actual"]),
            commands: evidence.map(|exchange| text(&exchange["what"])).collect(),
            of: of_another(&text(&finding["replay"]), &text(&check["id"])),
        };
        ran.checks.insert(text(&check["id"]), became);
    }
    ran
}

/// The check that a line for repeating a finding selects, if that is not the one that has it.
fn of_another(replay: &str, id: &str) -> String {
    let Some((_, after)) = replay.split_once("slug:") else { return String::new() };
    let selected = after.split(['\'', ' ']).next().unwrap_or_default();
    if selected == id { String::new() } else { selected.to_owned() }
}

/// Does something for each, some side by side, and gives what came of each in order.
pub fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    harness::each(all, BESIDE, work)
}

/// A check's id without the version at which it was run: `a.b[case,1.0.0]` is `a.b[case]`.
pub fn without_version(id: &str) -> String {
    let Some((slug, words)) = id.strip_suffix(']').and_then(|id| id.rsplit_once('[')) else {
        return id.to_owned();
    };
    let (case, version) = words.rsplit_once(',').unwrap_or(("", words));
    if version.parse::<stdcheck::suite::version::Version>().is_err() {
        return id.to_owned();
    }
    if case.is_empty() { slug.to_owned() } else { format!("{slug}[{case}]") }
}
