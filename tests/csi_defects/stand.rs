//! Runs of the suite on the reference driver, honest or not.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;
use stdcheck::reference::csi::told;
use wildmatch::WildMatch;

use crate::{double::rule::Difference, harness::Bench, proxy};

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
    let stdcheck = env!("CARGO_BIN_EXE_stdcheck").to_owned();
    let config = bench.write("driver.toml", told::CONFIG).display().to_string();
    let suite = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites/csi").display().to_string();
    let report = format!("json={}", bench.file("out.json").display());
    let mut driver = vec![stdcheck.clone()];
    let mut behind = "{endpoint}".to_owned();
    if !difference.bends.is_empty() {
        let rules = bench.write("rules.toml", &rules_of(difference)).display().to_string();
        let inner = bench.file("behind.sock").display().to_string();
        let own = std::env::current_exe().expect("this program").display().to_string();
        driver = vec![own, proxy::WORD.into(), rules, "{endpoint}".into(), inner.clone(), stdcheck];
        behind = format!("unix://{inner}");
    }
    let mut arguments: Vec<String> =
        ["csi", "--config", &config, "--suite", &suite, "--jobs", "4"].map(str::to_owned).into();
    arguments.extend(["--step-timeout", "15s", "--report", &report].map(str::to_owned));
    arguments.extend(difference.flags.iter().cloned());
    for words in select {
        arguments.extend(["--select".to_owned(), words.clone()]);
    }
    arguments.extend(["--driver".to_owned(), driver[0].clone(), "--".to_owned()]);
    arguments.extend(driver[1..].iter().cloned());
    arguments
        .extend(["reference", "csi", "--endpoint", &behind, "--state={state}"].map(str::to_owned));
    arguments.extend(difference.args.iter().cloned());
    for switch in &difference.switches {
        arguments.extend(["--defect".to_owned(), switch.clone()]);
    }
    let told = bench.stdcheck(arguments);
    let report = bench.report();
    let mut ran = Ran::default();
    if report.is_null() {
        ran.complaints.push(format!("there is no report: {}", told.stderr));
        return ran;
    }
    ran.complaints = left_behind(&bench, &report);
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

/// The rules of a proxy alone: what a file of rules says of the driver behind it is not its business.
fn rules_of(difference: &Difference) -> String {
    let text = fs::read_to_string(&difference.file).expect("it was read before");
    let mut file: toml::Table = toml::from_str(&text).expect("it was read before");
    for kind in ["defect", "oddity"] {
        if let Some(toml::Value::Array(all)) = file.get_mut(kind) {
            all.retain(|one| {
                one.get("name").and_then(|name| name.as_str()) == Some(&difference.name)
            });
        }
    }
    file.to_string()
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
