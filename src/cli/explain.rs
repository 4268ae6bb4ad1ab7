//! `stdcheck explain`: what a code, slug, capability or situation means.

use std::{path::PathBuf, sync::Arc};

use clap::Parser;
use serde::Serialize;

use super::common::{Format, Stop, load_sound, print_json, print_line};
use crate::{
    suite::{
        expand::{self, Check},
        expr::types::Type,
        format::RequirementDef,
        load::{self, Suite},
    },
    verbs,
    verdict::exit,
};

/// Explain a requirement, a check, a capability, a situation or a verb
#[derive(Debug, Parser)]
pub struct Args {
    /// A code (CRI-SB-012), slug, capability, situation or verb
    name: String,
    /// Only in this standard [default: in all]
    standard: Option<String>,
    /// Take the suite from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is known of one name, as lines of `what: text`.
#[derive(Serialize)]
struct Explanation {
    name: String,
    kind: &'static str,
    facts: Vec<(String, String)>,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let suites = self.suites()?;
        let mut found = None;
        for suite in &suites {
            let checks = expand::checks(suite)
                .map_err(|mistakes| Stop::usage(crate::suite::diagnostic::Diagnostics(mistakes)))?;
            // Of a check that ran at one of several versions, the slug alone is known.
            let slug = self.name.split('[').next().unwrap_or_default();
            found = explain(suite, &checks, &self.name).or_else(|| explain(suite, &checks, slug));
            if found.is_some() {
                break;
            }
        }
        let explanation = found.ok_or_else(|| {
            let standards: Vec<&str> = suites.iter().map(|suite| suite.standard.as_str()).collect();
            Stop::usage(format!(
                "there is no requirement, check, capability, situation or verb `{}` in {}; \
                 `stdcheck list` shows the checks, `stdcheck coverage` the sections",
                self.name,
                standards.join(", ")
            ))
        })?;
        match self.format {
            Format::Json => print_json(&explanation),
            Format::Text => {
                print_line(format!("{} ({})", explanation.name, explanation.kind));
                for (what, text) in &explanation.facts {
                    print_line(format!("  {what:<12} {text}"));
                }
            }
        }
        Ok(exit::OK)
    }

    /// Those that it may be in.
    fn suites(&self) -> Result<Vec<Arc<Suite>>, Stop> {
        if let Some(folder) = &self.suite {
            let standard = match &self.standard {
                Some(standard) => standard.clone(),
                // What is wrong with it is told below.
                None => load::from_folder(folder).map(|suite| suite.standard).unwrap_or_default(),
            };
            return Ok(vec![load_sound(&standard, Some(folder))?]);
        }
        let standards = match &self.standard {
            Some(standard) => vec![standard.clone()],
            None => load::built_in_names(),
        };
        standards.iter().map(|standard| load_sound(standard, None)).collect()
    }
}

fn explain(suite: &Suite, checks: &[Check], name: &str) -> Option<Explanation> {
    let told = |kind, facts: Vec<(&str, String)>| {
        let facts = facts.into_iter().map(|(what, text)| (what.to_owned(), text)).collect();
        Some(Explanation { name: name.to_owned(), kind, facts })
    };
    let upper = name.to_ascii_uppercase();
    if let Some(requirement) = suite.requirement(&upper) {
        return told("requirement", of_requirement(suite, checks, &requirement.def));
    }
    let matching: Vec<&Check> = checks
        .iter()
        .filter(|check| check.id == name || check.source.def.id.as_ref() == name)
        .collect();
    if let Some(check) = matching.first() {
        return told("check", of_check(suite, check, &matching));
    }
    if let Some(invariant) = suite.invariants.iter().find(|i| i.def.id.as_ref() == name) {
        let def = &invariant.def;
        let mut facts = vec![("shows", def.title.clone())];
        facts.extend(sentences(suite, def.requires.iter().map(toml::Spanned::as_ref)));
        facts.extend(def.watch.iter().map(|rpc| ("watches", rpc.as_ref().clone())));
        facts.extend(def.when.iter().map(|when| ("when", when.as_ref().clone())));
        facts.extend(def.expect.iter().map(|expect| ("expects", expect.as_ref().clone())));
        return told("invariant", facts);
    }
    if let Some(capability) = suite.capability(name) {
        let def = &capability.def;
        let found_by = def.found_by.as_ref();
        let mut facts = Vec::new();
        if let Some(call) = &found_by.call {
            facts.push(("asks", call.as_ref().clone()));
        }
        facts.extend(found_by.when.iter().map(|when| ("present if", when.as_ref().clone())));
        facts.extend(found_by.no.iter().map(|no| {
            let codes: Vec<&str> = no.as_ref().iter().map(|code| code.as_ref().as_str()).collect();
            ("absent on", codes.join(", "))
        }));
        facts.extend(found_by.host.iter().map(|host| ("host fact", host.as_ref().clone())));
        facts.extend(found_by.profile.iter().map(|word| ("in profile", word.as_ref().clone())));
        facts.extend(found_by.flag.iter().map(|flag| ("told by", format!("--{}", flag.as_ref()))));
        facts.extend(def.missing.iter().map(|missing| ("if missing", missing.clone())));
        return told("capability", facts);
    }
    if let Some(situation) = suite.situation(name) {
        let def = &situation.def;
        let mut facts = vec![("is", def.title.clone())];
        facts.extend(def.on.iter().map(|below| ("stands on", below.as_ref().clone())));
        facts.extend(def.needs.iter().map(|need| ("needs", need.as_ref().clone())));
        return told("situation", facts);
    }
    let verb = verbs::registry::of(&suite.standard).iter().find(|v| v.signature.name == name)?;
    let mut facts = vec![("does", verb.signature.title.to_owned())];
    for param in verb.signature.params {
        let required = if param.required { "" } else { " (optional)" };
        facts.push(("parameter", format!("{}: {}{required}", param.name, param.title)));
    }
    let reply = match (verb.signature.reply)() {
        Type::Struct(members) if !members.is_empty() => {
            members.keys().cloned().collect::<Vec<_>>().join(", ")
        }
        _ => "nothing".to_owned(),
    };
    facts.push(("gives", reply));
    if verb.signature.looks {
        facts.push(("looks", "it changes nothing: it may be asked again and shared".to_owned()));
    }
    told("verb", facts)
}

fn of_requirement(
    suite: &Suite,
    checks: &[Check],
    def: &RequirementDef,
) -> Vec<(&'static str, String)> {
    let level = match (&def.level, &def.levels) {
        (Some(level), _) => level.as_ref().to_string(),
        (None, Some(levels)) => {
            let table: Vec<String> = levels
                .as_ref()
                .iter()
                .map(|(from, level)| format!("{level} from {from}"))
                .collect();
            table.join(", ")
        }
        (None, None) => String::new(),
    };
    let mut facts = vec![
        ("says", def.says.clone()),
        ("level", format!("{level} ({})", def.basis.as_ref())),
        ("place", def.section.clone()),
    ];
    facts.extend(def.since.iter().map(|since| ("since", since.as_ref().clone())));
    facts.extend(def.until.iter().map(|until| ("until", until.as_ref().clone())));
    facts.extend(def.note.iter().map(|note| ("note", note.clone())));
    facts.extend(def.because.iter().map(|why| ("warns only", why.clone())));
    facts.extend(def.untestable.iter().map(|why| ("untestable", why.clone())));
    facts.extend(def.permits.iter().map(|why| ("permits", why.clone())));
    if def.planned {
        facts.push(("planned", "no check is written yet".to_owned()));
    }
    let code = def.code.as_ref();
    for check in checks.iter().filter(|check| check.requires.iter().any(|c| c.as_ref() == code)) {
        facts.push(("check", format!("{}: {}", check.id, check.title)));
    }
    for invariant in &suite.invariants {
        if invariant.def.requires.iter().any(|cited| cited.as_ref() == code) {
            let id = invariant.def.id.as_ref();
            facts.push(("invariant", format!("{id}: {}", invariant.def.title)));
        }
    }
    facts
}

fn of_check(suite: &Suite, check: &Check, all: &[&Check]) -> Vec<(&'static str, String)> {
    let def = &check.source.def;
    let mut facts = vec![("shows", def.title.clone())];
    let codes = all.iter().flat_map(|check| check.requires.iter().map(toml::Spanned::as_ref));
    facts.extend(sentences(suite, codes));
    facts.extend(def.given.iter().map(|given| ("starts from", given.name.as_ref().clone())));
    facts.extend(check.needs.iter().map(|need| ("needs", need.clone())));
    facts.extend(check.forbids.iter().map(|word| ("forbids", word.clone())));
    if all.len() > 1 {
        facts.extend(all.iter().map(|check| ("case", check.id.clone())));
    }
    for step in &def.steps {
        let what = [("call", &step.call), ("exec", &step.exec), ("do", &step.verb)];
        for (kind, name) in what {
            facts.extend(name.iter().map(|name| ("step", format!("{kind} {}", name.as_ref()))));
        }
        facts.extend(step.expect.iter().map(|expect| ("expects", expect.as_ref().clone())));
    }
    facts.push(("written in", check.file().path.clone()));
    facts
}

/// Each code with its sentence, once.
fn sentences<'a>(
    suite: &Suite,
    codes: impl Iterator<Item = &'a String>,
) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    let mut facts = Vec::new();
    for code in codes.filter(|code| !code.is_empty()) {
        if !seen.contains(&code) {
            seen.push(code);
            let says = suite.requirement(code).map(|known| known.def.says.as_str());
            facts.push(("requires", format!("{code}: {}", says.unwrap_or_default())));
        }
    }
    facts
}
