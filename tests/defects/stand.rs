//! Doubles with everything that checks ask for, and runs of the suite on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use wildmatch::WildMatch;

use crate::{
    double::{
        Double,
        rule::{Difference, Rule},
    },
    harness::{Bench, Told},
};

/// How many doubles run side by side: they mostly wait.
const BESIDE: usize = 6;

/// The checks that are exempt.
pub const EXEMPT: &str = "defects/exempt.toml";

/// A folder of rules.
pub fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(of)
}

/// Which differences are tried, if only some are (`trial`).
pub fn asked_for_some() -> Option<WildMatch> {
    std::env::var("STDCHECK_DEFECT").ok().map(|pattern| WildMatch::new(&pattern))
}

/// A double that can be restarted, and that calls the network plugins of a folder.
pub struct Stand {
    bench: Bench,
    double: Double,
    arguments: Vec<String>,
}

impl Stand {
    /// An honest one, or one that differs.
    pub fn new(rule: Option<&Rule>) -> Stand {
        let bench = Bench::new();
        let mut double = Double::start(bench.path());
        if let Some(rule) = rule {
            double.bend(rule);
        }
        let [conf, bin] = ["cni", "cni-bin"].map(|name| bench.file(name));
        for folder in [&conf, &bin] {
            fs::create_dir(folder).expect("the folder is ours");
        }
        // A network that needs no plugin.
        let list = r#"{"cniVersion": "0.4.0", "name": "double", "plugins": []}"#;
        fs::write(conf.join("10-double.conflist"), list).expect("the folder is ours");
        double.network(&conf, &bin);
        let [conf, bin] = [conf, bin].map(|folder| folder.display().to_string());
        let restart = double.restart_command();
        let mut arguments: Vec<String> =
            ["--api", "1.37", "--jobs", "8", "--runtime-handler", "other", "--port-mappings"]
                .map(str::to_owned)
                .into();
        for (flag, value) in [
            ("--restart-cmd", restart),
            ("--cni-conf-dir", conf),
            ("--cni-bin-dir", bin),
            ("--rejected-image", "registry.example/unsigned/app:1".to_owned()),
            // Short, for those that never answer; longer than any honest call takes.
            ("--step-timeout", "15s".to_owned()),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        Stand { bench, double, arguments }
    }

    /// Runs these checks, or all where none is named.
    pub fn run<'a>(&self, select: impl IntoIterator<Item = &'a str>) -> Told {
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        for words in select {
            arguments.extend(["--select", words]);
        }
        self.bench.cri(&self.double.socket, &arguments)
    }
}

/// What a run under a difference came to.
#[derive(Default)]
pub struct Reported {
    /// How many checks were run.
    pub run: usize,
    /// What was found, by check.
    pub findings: BTreeMap<String, Finding>,
    /// Slug and reason of each error.
    pub errors: Vec<(String, String)>,
    /// What is wrong with the rule itself, or with the run.
    pub complaints: Vec<String>,
}

/// One finding.
#[derive(Debug, PartialEq)]
pub struct Finding {
    /// `fail` or `warn`.
    pub verdict: String,
    /// What should have been seen.
    pub expected: String,
    /// What was.
    pub actual: String,
}

/// Runs some checks once for each difference.
pub fn each(
    differences: &[Difference],
    select: impl Fn(&Difference) -> BTreeSet<String> + Sync,
) -> Vec<Reported> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Reported>>> = differences.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..BESIDE.min(differences.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(one) = differences.get(at) else { return };
                    let reported = report(one, &select(one));
                    *done[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(reported);
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .map(|reported| reported.expect("each was run"))
        .collect()
}

/// Runs some checks on a double that differs.
fn report(difference: &Difference, select: &BTreeSet<String>) -> Reported {
    let rule = Rule::new(difference).unwrap_or_else(|why| panic!("{why}"));
    let mut reported = Reported::default();
    if select.is_empty() {
        reported.complaints.push("no check uses what it bends".to_owned());
        return reported;
    }
    let stand = Stand::new(Some(&rule));
    let told = stand.run(select.iter().map(String::as_str));
    reported.complaints = rule.complaints();
    if told.report.is_null() {
        reported.complaints.push(format!("there is no report: {}", told.stderr));
        return reported;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for check in told.checks() {
        let (id, verdict) = (text(&check["id"]), text(&check["verdict"]));
        match verdict.as_str() {
            "fail" | "warn" => {
                let [expected, actual] =
                    ["expected", "actual"].map(|part| text(&check["finding"][part]));
                reported.findings.insert(id, Finding { verdict, expected, actual });
            }
            "error" => reported.errors.push((id, text(&check["reason"]))),
            _ => {}
        }
    }
    reported.run = told.checks().len();
    reported
}
