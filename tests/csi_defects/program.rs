//! The reference driver as a command: with its mistakes, and behind a proxy where rules bend it.

use std::{fs, path::PathBuf};

use crate::{
    double::{
        proxy::notes_beside,
        rule::{Difference, Notes},
    },
    harness::Bench,
    proxy,
};

/// How the driver of one run is started.
pub struct Program {
    /// The file of rules, if there are any.
    rules: Option<PathBuf>,
    arguments: Vec<String>,
}

impl Program {
    /// Of a driver that differs so.
    pub fn new(bench: &Bench, difference: &Difference) -> Program {
        let bent = !difference.bends.is_empty();
        let rules = bent.then(|| bench.write("rules.toml", &rules_of(difference)));
        let mut arguments = difference.args.clone();
        for switch in &difference.switches {
            arguments.extend(["--defect".to_owned(), switch.clone()]);
        }
        Program { rules, arguments }
    }

    /// The flags of a stdcheck that starts it.
    pub fn launched(&self) -> Vec<String> {
        let words = self.words("{endpoint}", "{state}", self.rules.is_some(), &[]);
        let mut flags = vec!["--driver".to_owned(), words[0].clone(), "--".to_owned()];
        flags.extend(words[1..].iter().cloned());
        flags
    }

    /// Its command line, at an endpoint and with its state in a folder, bent or not; with more
    /// arguments.
    pub fn words(&self, endpoint: &str, state: &str, bent: bool, more: &[String]) -> Vec<String> {
        let stdcheck = env!("CARGO_BIN_EXE_stdcheck").to_owned();
        let rules = self.rules.as_ref().filter(|_| bent);
        let (mut words, endpoint) = match rules {
            Some(rules) => {
                let own = std::env::current_exe().expect("this program").display().to_string();
                let rules = rules.display().to_string();
                (vec![own, proxy::WORD.into(), rules, endpoint.into()], proxy::BEHIND)
            }
            None => (Vec::new(), endpoint),
        };
        words.extend([stdcheck, "reference".into(), "csi".into()]);
        words.extend(["--endpoint".into(), endpoint.into(), "--state".into(), state.into()]);
        words.extend(self.arguments.iter().chain(more).cloned());
        words
    }

    /// What turned out to be wrong with the rules.
    pub fn complaints(&self) -> Vec<String> {
        let Some(rules) = &self.rules else { return Vec::new() };
        let Notes { mut complaints, changed, .. } = Notes::read(&notes_beside(rules));
        if changed.is_empty() {
            complaints.push("this rule changed nothing".to_owned());
        }
        complaints
    }
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
