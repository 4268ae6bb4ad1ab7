//! Lint of checks and invariants: slugs, what they cite, where they start.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lint, Place, step::COMMANDS};
use crate::{
    suite::{
        expand::{self, Check},
        expr::types::Type,
        format::{EVERY_RPC, Given, RequirementDef, StepDef},
        names::{self, Names},
        request, rpc,
        version::Version,
    },
    verdict::Verdict,
};

impl Lint<'_> {
    pub(super) fn checks(&mut self, checks: &[Check]) {
        let mut ids = BTreeSet::new();
        for check in checks {
            let file = check.file();
            let def = &check.source.def;
            if !ids.insert(check.id.as_str()) {
                self.say(file, check.place.clone(), format!("a second check `{}`", check.id));
            }
            let prefix = format!("{}.", self.suite.standard);
            if !check.id.starts_with(&prefix) {
                self.say(file, check.place.clone(), format!("a slug begins with `{prefix}`"));
            }
            self.cited(check);
            self.words(file, &def.needs);
            self.words(file, &def.forbids);
            for case in &def.cases {
                for key in ["needs", "forbids"] {
                    let words = case.as_ref().get(key).and_then(expand::words);
                    self.words(file, &words.unwrap_or_default());
                }
            }
            let mut scope = self.everywhere();
            let variables: BTreeMap<String, Type> = check
                .variables
                .iter()
                .map(|(name, _)| (name.as_ref().clone(), Type::Dyn))
                .collect();
            if !variables.is_empty() {
                scope.insert("case".into(), Type::Struct(variables));
            }
            let place =
                Place { file, since: self.since(check), looks: def.looks, at: check.place.clone() };
            if let Some(given) = &def.given {
                self.given(&place, given, &mut scope);
            }
            for step in &def.steps {
                self.step(&place, step, &mut scope);
            }
            if !def.steps.iter().any(StepDef::is_test) {
                let message = "no step of it tests anything: none has `code`, `exit` or `expect`";
                self.say(file, check.place.clone(), message);
            }
        }
    }

    /// Codes of a check: known, and of one class unless steps name their own.
    pub(super) fn cited(&mut self, check: &Check) {
        let file = check.file();
        if check.requires.is_empty() {
            self.say(file, check.place.clone(), "it requires nothing: name the codes it can break");
        }
        let of: BTreeSet<&str> = check
            .source
            .def
            .steps
            .iter()
            .filter_map(|step| step.of.as_ref().map(|code| code.as_ref().as_str()))
            .collect();
        let mut cited = Vec::new();
        for code in &check.requires {
            match self.suite.requirement(code.as_ref()) {
                None => {
                    let message = format!("there is no requirement {}", code.as_ref());
                    self.say(file, code.span(), message);
                }
                Some(requirement) if !of.contains(code.as_ref().as_str()) => {
                    cited.push(requirement.def.as_ref());
                }
                Some(_) => {}
            }
        }
        if mixed(&cited) {
            let message = "it mixes requirements that fail with some that warn: one level a check, \
                           or `of` in the steps";
            self.say(file, check.place.clone(), message);
        }
        for code in of {
            let cited = check.requires.iter().any(|known| known.as_ref() == code);
            let literal = !code.starts_with('$');
            if literal && !cited {
                self.say(
                    file,
                    check.place.clone(),
                    format!("a step is `of` {code}, which is not in `requires`"),
                );
            }
        }
    }

    /// The version from which a check is run: its own, or the first of one of its requirements.
    pub(super) fn since(&mut self, check: &Check) -> Option<Version> {
        let own = check.since.as_ref().and_then(|since| {
            since.as_ref().parse().map_err(|error| self.say(check.file(), since.span(), error)).ok()
        });
        let of_codes = check
            .requires
            .iter()
            .filter_map(|code| self.suite.requirement(code.as_ref()))
            .map(|requirement| requirement.def.since.as_ref()?.as_ref().parse().ok())
            .min()
            .flatten();
        own.max(of_codes)
    }

    /// A check's start: the situation, what it binds, and the overrides.
    pub(super) fn given(&mut self, place: &Place<'_>, given: &Given, scope: &mut Names) {
        let suite = self.suite;
        let name = &given.name;
        if suite.situation(name.as_ref()).is_none() {
            let message = format!("there is no situation `{}`", name.as_ref());
            self.say(place.file, name.span(), message);
            return;
        }
        let chain = suite.chain(name.as_ref());
        let before = scope.clone();
        for situation in &chain {
            for step in &situation.def.steps {
                self.bind(step, scope);
            }
        }
        for (key, over) in &given.overrides {
            let Some(situation) = chain.iter().find(|s| s.def.name.as_ref() == key.as_ref()) else {
                let message = format!("`{}` is not part of `{}`", key.as_ref(), name.as_ref());
                self.say(place.file, key.span(), message);
                continue;
            };
            let main = situation.def.main_binding();
            let step = chain
                .iter()
                .flat_map(|s| &s.def.steps)
                .find(|step| step.bind.as_ref().is_some_and(|bind| Some(bind.as_ref()) == main));
            match step {
                Some(StepDef { call: Some(call), .. }) => {
                    if let Ok(method) = rpc::find(&suite.package, call.as_ref()) {
                        // An override may name what is built below it, and the case.
                        let mut names = scope.clone();
                        names.extend(before.clone());
                        self.tree(place, &method.input(), over, &names);
                    }
                }
                Some(StepDef { exec: Some(_), .. }) => {
                    for text in request::texts(over) {
                        self.text(place, &text, scope);
                    }
                }
                Some(StepDef { verb: Some(verb), .. }) => {
                    self.parameters(place, verb.as_ref(), Some(over), over.span(), scope);
                }
                _ => self.say(
                    place.file,
                    key.span(),
                    format!("`{}` has no request that could be overridden", key.as_ref()),
                ),
            }
        }
    }

    pub(super) fn invariants(&mut self) {
        let suite = self.suite;
        let mut seen: BTreeSet<&String> =
            suite.checks.iter().map(|check| check.def.id.as_ref()).collect();
        for invariant in &suite.invariants {
            let (file, def) = (&invariant.file, &invariant.def);
            let id = def.id.as_ref();
            if !seen.insert(id) {
                self.say(file, def.id.span(), format!("a second check `{id}`"));
            }
            let prefix = format!("{}.", suite.standard);
            if !id.starts_with(&prefix) {
                self.say(file, def.id.span(), format!("a slug begins with `{prefix}`"));
            }
            if def.requires.is_empty() || def.watch.is_empty() || def.expect.is_empty() {
                let message = "an invariant has something to require, to watch and to expect";
                self.say(file, def.id.span(), message);
            }
            let cited: Vec<&RequirementDef> = def
                .requires
                .iter()
                .filter_map(|code| suite.requirement(code.as_ref()))
                .map(|requirement| requirement.def.as_ref())
                .collect();
            if mixed(&cited) {
                let message = "it mixes requirements that fail with some that warn";
                self.say(file, def.id.span(), message);
            }
            for code in &def.requires {
                if suite.requirement(code.as_ref()).is_none() {
                    let message = format!("there is no requirement {}", code.as_ref());
                    self.say(file, code.span(), message);
                }
            }
            self.words(file, &def.needs);
            let since = def
                .requires
                .iter()
                .filter_map(|code| suite.requirement(code.as_ref()))
                .filter_map(|known| known.def.since.as_ref()?.as_ref().parse().ok())
                .max();
            let place = Place { file, since, looks: true, at: def.id.span() };
            if suite.executes() {
                let mut scope = self.everywhere();
                scope.extend(names::of_execution());
                for watched in &def.watch {
                    if !COMMANDS.contains(&watched.as_ref().as_str()) {
                        let message = format!("there is no command `{}`", watched.as_ref());
                        self.say(file, watched.span(), message);
                    }
                }
                for expect in def.expect.iter().chain(&def.when) {
                    self.expression(&place, expect, &scope);
                }
                continue;
            }
            for watched in &def.watch {
                let mut scope = if watched.as_ref() == EVERY_RPC {
                    names::of_any_call()
                } else {
                    let Some(method) = self.rpc(file, watched) else { continue };
                    names::of_call(&method)
                };
                scope.extend(names::of_invariant());
                for expect in def.expect.iter().chain(&def.when) {
                    self.expression(&place, expect, &scope);
                }
            }
        }
    }
}

/// Whether breaches of some fail while those of others warn, at any version that has both.
fn mixed(defs: &[&RequirementDef]) -> bool {
    let bounds = |def: &RequirementDef| -> Vec<Version> {
        let levels = def.levels.iter().flat_map(|levels| levels.as_ref().keys());
        let own = [&def.since, &def.until].into_iter().flatten().map(|version| version.as_ref());
        own.chain(levels).filter_map(|version| version.parse().ok()).collect()
    };
    let mut versions: Vec<Version> = defs.iter().flat_map(|def| bounds(def)).collect();
    versions.push(Version::default());
    versions.iter().any(|version| {
        let classes: BTreeSet<Verdict> = defs
            .iter()
            .filter(|def| def.is_in_force(version))
            .filter_map(|def| {
                let level = def.level_at(version)?;
                Some(Verdict::of_breach(level, *def.basis.as_ref(), def.cap.is_some()))
            })
            .collect();
        classes.len() > 1
    })
}
