//! Runs of the suite on the reference driver, honest or not.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use stdcheck::reference::csi::told;
use wildmatch::WildMatch;

use crate::{apart::Apart, double::rule::Difference, harness::Bench, program::Program};

/// How many runs there are side by side: they wait for file systems that are made and mounted.
pub const BESIDE: usize = 3;

/// The checks that the matrix cannot speak for.
pub const EXEMPT: &str = "defects/csi/exempt.toml";

/// A folder of rules.
pub fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(of)
}

/// Why nothing can be tried here, if so.
pub fn missing() -> Option<String> {
    if !nix::unistd::Uid::effective().is_root() {
        return Some("mounting volumes takes root".to_owned());
    }
    if !PathBuf::from("/dev/loop-control").exists() {
        return Some("the kernel has no loop devices".to_owned());
    }
    None
}

/// Which differences are tried, if only some are (`trial`).
pub fn asked_for_some() -> Option<WildMatch> {
    std::env::var("STDCHECK_DEFECT").ok().map(|pattern| WildMatch::new(&pattern))
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
    /// The check during which an invariant was broken first; the check itself otherwise.
    pub during: String,
}

impl Became {
    /// Whether it accuses.
    pub fn accuses(&self) -> bool {
        self.verdict == "fail" || self.verdict == "warn"
    }

    /// For messages.
    pub fn told(&self) -> String {
        let Became { verdict, reason, expected, actual, .. } = self;
        match self.accuses() {
            true => format!("{verdict}: expected {expected}, actual {actual}"),
            false => format!("{verdict}: {reason}"),
        }
    }
}

/// An honest driver with everything.
pub fn honest() -> Difference {
    Difference {
        name: "honest".into(),
        says: "It keeps every rule.".into(),
        ..Difference::default()
    }
}

/// Runs some checks, or all where none is named, on a driver that differs.
pub fn run(difference: &Difference, select: &[String]) -> Ran {
    let bench = Bench::new();
    // In front, where it is in no table.
    let config = format!("{}\n{}", difference.config, told::CONFIG);
    let config = bench.write("driver.toml", &config).display().to_string();
    let suite = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites/csi").display().to_string();
    let report = format!("json={}", bench.file("out.json").display());
    let mut arguments: Vec<String> =
        ["csi", "--config", &config, "--suite", &suite, "--jobs", "4"].map(str::to_owned).into();
    arguments.extend(["--step-timeout", "15s", "--report", &report].map(str::to_owned));
    arguments.extend(difference.flags.iter().cloned());
    for words in select {
        arguments.extend(["--select".to_owned(), words.clone()]);
    }
    let program = Program::new(&bench, difference);
    // They end when this does.
    let apart = difference.apart.as_ref().map(|how| Apart::start(&bench, &program, how));
    arguments.extend(match &apart {
        Some(apart) => apart.flags(),
        None => program.launched(),
    });
    let told = bench.stdcheck(arguments);
    let report = bench.report();
    let mut ran = Ran::default();
    if report.is_null() {
        ran.complaints.push(format!("there is no report: {}", told.stderr));
        return ran;
    }
    ran.complaints = left_behind(&bench, &report);
    ran.complaints.extend(program.complaints());
    for check in report["checks"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&check["id"]);
        let finding = &check["finding"];
        let again = text(&finding["replay"]);
        let during = again.split("'slug:").nth(1).and_then(|rest| rest.split('\'').next());
        let became = Became {
            verdict: text(&check["verdict"]),
            reason: text(&check["reason"]),
            expected: text(&finding["expected"]),
            actual: text(&finding["actual"]),
            during: during.unwrap_or(&id).to_owned(),
        };
        ran.checks.insert(id, became);
    }
    ran
}

/// A driver with defects may keep volumes; nothing may be left on this host.
fn left_behind(bench: &Bench, report: &Value) -> Vec<String> {
    let cleaned = report["cleanup_failures"].as_array().is_none_or(Vec::is_empty);
    let leftovers = bench.leftovers();
    match cleaned {
        true if !leftovers.is_empty() => vec![format!("left behind: {}", leftovers.join(", "))],
        _ => Vec::new(),
    }
}
