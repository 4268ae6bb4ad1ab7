//! Lint of the suite's own words: read-only rpcs, capabilities, base requests, undo, sweep, situations.

use std::collections::BTreeSet;

use toml::Spanned;

use super::{HOST_FACTS, Lint, Place, newest};
use crate::suite::names;

impl Lint<'_> {
    /// Capabilities, base requests, undo, read-only rpcs, retired names.
    pub(super) fn vocabulary(&mut self) {
        let suite = self.suite;
        let file = &suite.file;
        for name in &suite.read_only {
            self.rpc(file, name);
        }
        for retired in &suite.retired {
            let name = retired.as_ref();
            let alive = suite.requirement(name).is_some()
                || suite.checks.iter().any(|check| check.def.id.as_ref() == name);
            if alive {
                self.say(file, retired.span(), format!("`{name}` is retired and must not return"));
            }
        }
        for step in &suite.sweep {
            let place = Place { file: &step.file, since: newest(), looks: false, at: 0..0 };
            let mut scope = self.everywhere();
            self.step(&place, &step.def, &mut scope);
        }
        let mut seen = BTreeSet::new();
        for capability in &suite.capabilities {
            let (file, def) = (&capability.file, &capability.def);
            if !seen.insert(def.name.as_ref().clone()) {
                self.say(file, def.name.span(), "a second capability of this name");
            }
            let found_by = def.found_by.as_ref();
            let ways = [
                found_by.call.is_some(),
                found_by.host.is_some(),
                found_by.flag.is_some(),
                found_by.profile.is_some(),
            ];
            if ways.iter().filter(|way| **way).count() != 1 {
                let message =
                    "a capability is found by exactly one of `call`, `host`, `flag`, `profile`";
                self.say(file, def.found_by.span(), message);
            }
            if let Some(host) = &found_by.host
                && !HOST_FACTS.contains(&host.as_ref().as_str())
            {
                let message =
                    format!("there is no host fact `{}`: {}", host.as_ref(), HOST_FACTS.join(", "));
                self.say(file, host.span(), message);
            }
            if let Some(flag) = &found_by.flag
                && !self.flags.contains(&flag.as_ref().as_str())
            {
                let message = format!("there is no flag `--{}`", flag.as_ref());
                self.say(file, flag.span(), message);
            }
            if let Some(call) = &found_by.call {
                if found_by.when.is_some() == found_by.no.is_some() {
                    let message = "a call finds by `when` (discovery) or by `no` (a trial)";
                    self.say(file, def.found_by.span(), message);
                }
                if let Some(method) = self.rpc(file, call) {
                    let place = Place { file, since: newest(), looks: false, at: call.span() };
                    if let Some(with) = &found_by.with {
                        let scope = self.everywhere();
                        self.tree(&place, &method.input(), with, &scope);
                    }
                    if let Some(when) = &found_by.when {
                        let mut scope = self.everywhere();
                        scope.extend(names::of_call(&method));
                        self.expression(&place, when, &scope);
                    }
                }
            }
            for code in found_by.no.iter().flat_map(|no| no.as_ref().iter()) {
                self.code(file, code, false);
            }
        }
        for request in suite.requests.values() {
            let (name, tree) = request.def.as_ref();
            if let Some(method) = self.rpc(&request.file, name) {
                // What its `$` parts name depends on the step; steps are looked at whole.
                let place =
                    Place { file: &request.file, since: newest(), looks: false, at: name.span() };
                self.fields(&place, &method.input(), tree);
            }
        }
        for undo in suite.undo.values() {
            let (name, def) = undo.def.as_ref();
            if let Some(method) = self.rpc(&undo.file, name) {
                let place =
                    Place { file: &undo.file, since: newest(), looks: false, at: name.span() };
                let mut scope = self.everywhere();
                scope.extend(names::of_call(&method));
                for path in &def.only_with {
                    let whole = format!("${}", path.as_ref());
                    self.text(&place, &Spanned::new(path.span(), &whole), &scope);
                }
                for step in def.steps.iter().chain(&def.cut) {
                    self.step(&place, step, &mut scope);
                }
            }
        }
    }

    pub(super) fn situations(&mut self) {
        let suite = self.suite;
        let mut seen = BTreeSet::new();
        for situation in &suite.situations {
            let (file, def) = (&situation.file, &situation.def);
            if !seen.insert(def.name.as_ref().clone()) {
                self.say(file, def.name.span(), "a second situation of this name");
            }
            for below in &def.on {
                if suite.situation(below.as_ref()).is_none() {
                    let message = format!("there is no situation `{}`", below.as_ref());
                    self.say(file, below.span(), message);
                } else if below.as_ref() == def.name.as_ref()
                    || suite.chain(below.as_ref()).iter().any(|s| s.def.name == def.name)
                {
                    self.say(file, below.span(), "the situation stands on itself");
                }
            }
            self.words(file, &def.needs);
            let place = Place { file, since: newest(), looks: false, at: def.name.span() };
            let mut scope = self.everywhere();
            for below in suite.chain(def.name.as_ref()) {
                for step in &below.def.steps {
                    if below.def.name == def.name {
                        self.step(&place, step, &mut scope);
                    } else {
                        self.bind(step, &mut scope);
                    }
                }
            }
            if let Some(main) = &def.main
                && !scope.contains_key(main.as_ref())
            {
                let message = format!("nothing is bound as `{}`", main.as_ref());
                self.say(file, main.span(), message);
            }
        }
    }
}
