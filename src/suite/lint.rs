//! Finds every mistake of a suite without a target (design, rule 6).
//!
//! One walk over the definitions; each helper adds what it finds, so that all mistakes are told at
//! once. Expressions are resolved by type in [`super::expr::types`].

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use toml::Spanned;

use super::{
    diagnostic::{Diagnostic, SourceFile},
    expand::{self, Check},
    expr::{Expr, Text, types, types::Type},
    format::{Given, RequirementDef, SituationDef, StepDef},
    load::Suite,
    names::{self, Names},
    request, rpc,
    signature::Signature,
    tree::Tree,
    version::Version,
};
use crate::{
    proto,
    verdict::{Basis, Level, Verdict},
};

/// Facts about the host that `found_by.host` may name.
pub const HOST_FACTS: &[&str] = &["files", "guest", "registry", "restart", "cni-conf"];

/// All mistakes in a suite, in the order of the files. `verbs` are those that its standard has,
/// `flags` the command line flags that can tell a capability.
pub fn lint(suite: &Suite, verbs: &[&Signature], flags: &[&str]) -> Vec<Diagnostic> {
    let mut lint = Lint { suite, verbs, flags, found: Vec::new() };
    lint.vocabulary();
    lint.situations();
    match expand::checks(suite) {
        Ok(checks) => {
            lint.requirements(&checks);
            lint.checks(&checks);
        }
        Err(mistakes) => lint.found.extend(mistakes),
    }
    lint.invariants();
    lint.found.sort_by_key(Diagnostic::order);
    // A definition with cases is looked at once for each: the same mistake is told once.
    let mut told = BTreeSet::new();
    lint.found.retain(|mistake| told.insert((mistake.order(), mistake.message().to_owned())));
    lint.found
}

struct Lint<'a> {
    suite: &'a Suite,
    verbs: &'a [&'a Signature],
    flags: &'a [&'a str],
    found: Vec<Diagnostic>,
}

/// Where something stands, and since which version it may be used there.
struct Place<'a> {
    file: &'a Arc<SourceFile>,
    since: Option<Version>,
    /// The check only looks.
    looks: bool,
    /// What a mistake without a place of its own points at.
    at: Range<usize>,
}

impl Lint<'_> {
    fn say(&mut self, file: &Arc<SourceFile>, span: Range<usize>, message: impl Into<String>) {
        self.found.push(Diagnostic::new(file, span, message));
    }

    fn rpc(&mut self, file: &Arc<SourceFile>, name: &Spanned<String>) -> Option<MethodDescriptor> {
        match rpc::find(&self.suite.package, name.as_ref()) {
            Ok(method) => Some(method),
            Err(message) => {
                self.say(file, name.span(), message);
                None
            }
        }
    }

    /// Capabilities, base requests, undo, read-only rpcs, retired names.
    fn vocabulary(&mut self) {
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
            self.step(&place, &step.def, &mut names::everywhere());
        }
        let mut seen = BTreeSet::new();
        for capability in &suite.capabilities {
            let (file, def) = (&capability.file, &capability.def);
            if !seen.insert(def.name.as_ref().clone()) {
                self.say(file, def.name.span(), "a second capability of this name");
            }
            let found_by = def.found_by.as_ref();
            let ways = [found_by.call.is_some(), found_by.host.is_some(), found_by.flag.is_some()];
            if ways.iter().filter(|way| **way).count() != 1 {
                let message = "a capability is found by exactly one of `call`, `host`, `flag`";
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
                        self.tree(&place, &method.input(), with, &names::everywhere());
                    }
                    if let Some(when) = &found_by.when {
                        let mut scope = names::everywhere();
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
                let mut scope = names::everywhere();
                scope.extend(names::of_call(&method));
                for step in def.steps.iter().chain(&def.cut) {
                    self.step(&place, step, &mut scope);
                }
            }
        }
    }

    fn situations(&mut self) {
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
            let mut scope = names::everywhere();
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

    /// Capability words.
    fn words(&mut self, file: &Arc<SourceFile>, words: &[Spanned<String>]) {
        for word in words {
            if self.suite.capability(word.as_ref()).is_none() {
                let message = format!("there is no capability `{}`", word.as_ref());
                self.say(file, word.span(), message);
            }
        }
    }

    fn requirements(&mut self, checks: &[Check]) {
        let suite = self.suite;
        let mut cited: BTreeSet<&str> = BTreeSet::new();
        for check in checks {
            cited.extend(check.requires.iter().map(|code| code.as_ref().as_str()));
        }
        for invariant in &suite.invariants {
            cited.extend(invariant.def.requires.iter().map(|code| code.as_ref().as_str()));
        }
        let mut seen = BTreeSet::new();
        for requirement in &suite.requirements {
            let (file, def) = (&requirement.file, &requirement.def);
            let code = def.code.as_ref().as_str();
            let at = def.code.span();
            if !seen.insert(code) {
                self.say(file, at.clone(), "a second requirement with this code");
            }
            if !suite.sections.contains_key(Suite::section_of(code)) {
                let message = format!("suite.toml has no section `{}`", Suite::section_of(code));
                self.say(file, at.clone(), message);
            }
            self.levels(file, def);
            let ways = [
                def.planned,
                def.untestable.is_some(),
                def.permits.is_some(),
                cited.contains(code),
            ];
            match ways.iter().filter(|way| **way).count() {
                1 => {}
                0 => self.say(
                    file,
                    at,
                    format!(
                        "no check requires {code}, and it is not planned, untestable or permits"
                    ),
                ),
                _ if cited.contains(code) => self.say(
                    file,
                    at,
                    format!("a check requires {code}: take away planned, untestable or permits"),
                ),
                _ => {
                    self.say(file, at, "it is one of planned, untestable and permits, not several")
                }
            }
        }
    }

    fn levels(&mut self, file: &Arc<SourceFile>, def: &RequirementDef) {
        let at = def.code.span();
        match (&def.level, &def.levels) {
            (Some(_), None) => {}
            (None, Some(levels)) => {
                for version in levels.as_ref().keys() {
                    if version.parse::<Version>().is_err() {
                        let message = format!("`{version}` is no version like `1.30`");
                        self.say(file, levels.span(), message);
                    }
                }
            }
            _ => self.say(file, at.clone(), "a requirement has either `level` or `levels`"),
        }
        let may = def.level.as_ref().is_some_and(|level| *level.as_ref() == Level::May);
        if may && def.permits.is_none() && def.untestable.is_none() {
            self.say(file, at.clone(), "a MAY is never a failure: it `permits`");
        }
        if *def.basis.as_ref() == Basis::Derived
            && def.level.as_ref().is_some_and(|level| *level.as_ref() == Level::Must)
        {
            self.say(file, def.basis.span(), "what is derived is SHOULD at most");
        }
        for version in [&def.since, &def.until].into_iter().flatten() {
            if let Err(message) = version.as_ref().parse::<Version>() {
                self.say(file, version.span(), message);
            }
        }
        match (&def.cap, &def.because) {
            (None, None) => {}
            (Some(cap), Some(_)) if cap.as_ref() == "warn" => {}
            (Some(cap), Some(_)) => self.say(file, cap.span(), "a cap is \"warn\""),
            _ => self.say(file, at, "a `cap` needs its `because`, and the other way round"),
        }
    }

    fn checks(&mut self, checks: &[Check]) {
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
            let mut scope = names::everywhere();
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
            if !def.steps.iter().any(is_test) {
                let message = "no step of it tests anything: none has `code`, `exit` or `expect`";
                self.say(file, check.place.clone(), message);
            }
        }
    }

    /// Codes of a check: known, and of one class unless steps name their own.
    fn cited(&mut self, check: &Check) {
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
        let mut classes = BTreeSet::new();
        for code in &check.requires {
            match self.suite.requirement(code.as_ref()) {
                None => {
                    let message = format!("there is no requirement {}", code.as_ref());
                    self.say(file, code.span(), message);
                }
                Some(requirement) if !of.contains(code.as_ref().as_str()) => {
                    classes.insert(class(&requirement.def));
                }
                Some(_) => {}
            }
        }
        if classes.len() > 1 {
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
    fn since(&mut self, check: &Check) -> Option<Version> {
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
    fn given(&mut self, place: &Place<'_>, given: &Given, scope: &mut Names) {
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
            let main = main_of(&situation.def);
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

    /// Adds what a step binds, without looking at it.
    fn bind(&self, step: &StepDef, scope: &mut Names) {
        let Some(bind) = &step.bind else { return };
        let members = match (&step.call, &step.verb) {
            (Some(call), _) => match rpc::find(&self.suite.package, call.as_ref()) {
                Ok(method) => names::of_call(&method),
                Err(_) => return,
            },
            (_, Some(verb)) => {
                let reply = self.verbs.iter().find(|known| known.name == verb.as_ref());
                names::of_verb(reply.map_or(Type::Dyn, |known| (known.reply)()))
            }
            _ => return,
        };
        scope.insert(bind.as_ref().clone(), Type::Struct(members));
    }

    fn step(&mut self, place: &Place<'_>, step: &StepDef, scope: &mut Names) {
        let file = place.file;
        let kinds = [&step.call, &step.exec, &step.verb];
        let Some(kind) = kinds.into_iter().flatten().next() else {
            self.say(file, place.at.clone(), "a step is one of `call`, `exec`, `do`");
            return;
        };
        if kinds.into_iter().flatten().count() > 1 {
            self.say(file, kind.span(), "a step is one of `call`, `exec`, `do`, not several");
        }
        let of_plugins = step.exec.is_some()
            || step.env.is_some()
            || step.unset.is_some()
            || step.stdin.is_some()
            || step.exit.is_some();
        if of_plugins {
            let message = format!(
                "{} has no plugin to execute: `exec`, `env`, `unset`, `stdin` and `exit` do not apply",
                self.suite.standard
            );
            self.say(file, kind.span(), message);
        }
        let mut inner = scope.clone();
        let looks;
        if let Some(call) = &step.call {
            looks = self.suite.read_only.iter().any(|known| known.as_ref() == call.as_ref());
            let Some(method) = self.rpc(file, call) else { return };
            self.since_of_method(place, &method, call.span());
            self.request_of(place, step, &method, scope, call.span());
            inner.extend(names::of_call(&method));
        } else if let Some(verb) = &step.verb {
            let Some(known) = self.verbs.iter().find(|known| known.name == verb.as_ref()) else {
                let message = format!("there is no verb `{}`", verb.as_ref());
                self.say(file, verb.span(), message);
                return;
            };
            looks = known.looks;
            let reply = (known.reply)();
            self.parameters(place, verb.as_ref(), step.with.as_ref(), verb.span(), scope);
            if step.code.is_some() || step.omit.is_some() {
                self.say(file, verb.span(), "a verb has no `code` and no `omit`");
            }
            inner.extend(names::of_verb(reply));
        } else {
            return;
        }
        if let Some(within) = &step.within {
            if !looks {
                let message = "`within` asks again: only for what changes nothing";
                self.say(file, within.span(), message);
            }
            if step.expect.is_empty() {
                self.say(file, within.span(), "`within` needs an `expect` to wait for");
            }
        }
        if place.looks && !looks {
            let message = "the check says that it only `looks`, but this step changes something";
            self.say(file, kind.span(), message);
        }
        for code in step.code.iter().flat_map(|words| &words.0) {
            self.code(file, code, true);
        }
        for expect in &step.expect {
            self.expression(place, expect, &inner);
        }
        self.bind(step, scope);
    }

    /// The request of a call: base and `with` together, then `omit`.
    fn request_of(
        &mut self,
        place: &Place<'_>,
        step: &StepDef,
        method: &MethodDescriptor,
        scope: &Names,
        at: Range<usize>,
    ) {
        let rpc = format!("{}/{}", method.parent_service().name(), method.name());
        let omitted: Vec<&str> = step
            .omit
            .iter()
            .flat_map(|words| words.0.iter().map(|word| word.as_ref().as_str()))
            .collect();
        match self.suite.requests.get(&rpc) {
            None if method.input().fields().len() > 0 && step.with.is_none() => {
                self.say(
                    place.file,
                    at.clone(),
                    format!("suite.toml has no base request for {rpc}"),
                );
            }
            None => {}
            Some(base) => {
                let tree = base.def.1.as_ref();
                let over = step.with.as_ref().map(|with| with.as_ref().clone());
                let merged = request::overlay(&method.input(), tree, over.as_ref(), &omitted);
                // The base request's own place is in another file: the step is the one to tell.
                // What `with` itself says is told at its own place below.
                let told = step.with.as_ref().map(request::texts).unwrap_or_default();
                for text in request::texts(&Spanned::new(at.clone(), merged)) {
                    if told.iter().any(|own| own.span() == text.span() && own == &text) {
                        continue;
                    }
                    let text = Spanned::new(at.clone(), *text.as_ref());
                    self.text(place, &text, scope);
                }
            }
        }
        if let Some(with) = &step.with {
            self.tree(place, &method.input(), with, scope);
        }
        for word in step.omit.iter().flat_map(|words| &words.0) {
            if word.as_ref().starts_with('$') {
                self.text(place, &Spanned::new(word.span(), word.as_ref().as_str()), scope);
            } else if let Err(message) = request::field_at(&method.input(), word.as_ref()) {
                self.say(place.file, word.span(), message);
            }
        }
    }

    fn parameters(
        &mut self,
        place: &Place<'_>,
        verb: &str,
        with: Option<&Spanned<Tree>>,
        at: Range<usize>,
        scope: &Names,
    ) {
        let Some(known) = self.verbs.iter().find(|known| known.name == verb) else { return };
        let params = known.params;
        let given = match with.map(Spanned::as_ref) {
            Some(Tree::Table(members)) => members.as_slice(),
            Some(_) => {
                self.say(place.file, at, "the parameters of a verb are a table");
                return;
            }
            None => &[],
        };
        for (key, _) in given {
            if !params.iter().any(|param| param.name == key.as_ref()) {
                let names: Vec<&str> = params.iter().map(|param| param.name).collect();
                let message = format!(
                    "`{verb}` has no parameter `{}`; it has: {}",
                    key.as_ref(),
                    names.join(", ")
                );
                self.say(place.file, key.span(), message);
            }
        }
        for param in params.iter().filter(|param| param.required) {
            if !given.iter().any(|(key, _)| key.as_ref() == param.name) {
                let message = format!("`{verb}` needs `{}`: {}", param.name, param.title);
                self.say(place.file, at.clone(), message);
            }
        }
        if let Some(with) = with {
            for text in request::texts(with) {
                self.text(place, &text, scope);
            }
        }
    }

    /// Fields and `$` parts of a tree.
    fn tree(
        &mut self,
        place: &Place<'_>,
        message: &MessageDescriptor,
        tree: &Spanned<Tree>,
        scope: &Names,
    ) {
        self.fields(place, message, tree);
        for text in request::texts(tree) {
            self.text(place, &text, scope);
        }
    }

    /// The fields that a tree names, and the kinds of its literal values.
    fn fields(&mut self, place: &Place<'_>, message: &MessageDescriptor, tree: &Spanned<Tree>) {
        let Tree::Table(members) = tree.as_ref() else {
            if !matches!(tree.as_ref(), Tree::Text(text) if text.starts_with('$')) {
                let text = format!("{} takes named fields", message.name());
                self.say(place.file, tree.span(), text);
            }
            return;
        };
        for (key, value) in members {
            let Some(field) = message.get_field_by_name(key.as_ref()) else {
                let known: Vec<String> = message.fields().map(|f| f.name().to_owned()).collect();
                let text = format!("{} has no field `{}`", message.name(), key.as_ref());
                self.found.push(
                    Diagnostic::new(place.file, key.span(), text)
                        .help(format!("it has: {}", known.join(", "))),
                );
                continue;
            };
            self.since_of_field(place, &field, key.span());
            match (field.kind(), field.is_map(), value.as_ref()) {
                (Kind::Message(inner), false, Tree::List(items)) if field.is_list() => {
                    for item in items {
                        self.fields(place, &inner, item);
                    }
                }
                (Kind::Message(inner), false, _) if !field.is_list() => {
                    self.fields(place, &inner, value);
                }
                _ => {
                    if request::texts(value).iter().any(|text| text.as_ref().contains('$')) {
                        continue;
                    }
                    if let Err(message) = request::literal(&field, value.as_ref()) {
                        self.say(place.file, value.span(), message);
                    }
                }
            }
        }
    }

    /// A text that may hold `$` parts.
    fn text(&mut self, place: &Place<'_>, text: &Spanned<&str>, scope: &Names) {
        match Text::parse(text.as_ref()) {
            Err(message) => self.say(place.file, text.span(), message),
            Ok(parsed) => {
                for expr in parsed.expressions() {
                    self.resolve(place, expr, text.span(), scope);
                }
            }
        }
    }

    fn expression(&mut self, place: &Place<'_>, source: &Spanned<String>, scope: &Names) {
        match Expr::compile(source.as_ref()) {
            Err(message) => {
                let message = format!("no expression: {message}");
                self.say(place.file, source.span(), message);
            }
            Ok(expr) => {
                if let Some(ty) = self.resolve(place, &expr, source.span(), scope)
                    && !matches!(ty, Type::Bool | Type::Dyn)
                {
                    self.say(place.file, source.span(), "an expectation is a yes or no");
                }
            }
        }
    }

    fn resolve(
        &mut self,
        place: &Place<'_>,
        expr: &Expr,
        at: Range<usize>,
        scope: &Names,
    ) -> Option<Type> {
        let (ty, resolved) = types::resolve(expr, scope);
        let sound = resolved.mistakes.is_empty();
        for mistake in resolved.mistakes {
            self.say(place.file, at.clone(), mistake);
        }
        for field in resolved.fields {
            self.since_of_field(place, &field, at.clone());
        }
        sound.then_some(ty)
    }

    fn since_of_field(&mut self, place: &Place<'_>, field: &FieldDescriptor, at: Range<usize>) {
        let name = || format!("{}.{}", field.parent_message().name(), field.name());
        self.younger(place, proto::since_of_field(field), name, at);
    }

    fn since_of_method(&mut self, place: &Place<'_>, method: &MethodDescriptor, at: Range<usize>) {
        self.younger(place, proto::since_of_method(method), || method.name().to_owned(), at);
    }

    /// Tells of something that is younger than what the check says it can be judged by.
    fn younger(
        &mut self,
        place: &Place<'_>,
        since: Option<String>,
        name: impl Fn() -> String,
        at: Range<usize>,
    ) {
        let Some(since) = since.and_then(|since| since.parse::<Version>().ok()) else { return };
        let judged_from = place.since.clone().unwrap_or_else(|| self.suite.versions.0.clone());
        if since > judged_from {
            let message = format!("{} is there since {since} only", name());
            self.found.push(Diagnostic::new(place.file, at, message).help(format!(
                "say since = \"{since}\" at the check, the case or the requirement"
            )));
        }
    }

    fn code(&mut self, file: &Arc<SourceFile>, code: &Spanned<String>, words: bool) {
        let name = code.as_ref().as_str();
        let known = rpc::CODES.iter().any(|(known, _)| *known == name)
            || (words && (name == "error" || name == "any" || name.starts_with('$')));
        if !known {
            self.say(file, code.span(), format!("there is no gRPC code `{name}`"));
        }
    }

    fn invariants(&mut self) {
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
            let classes: BTreeSet<Verdict> = def
                .requires
                .iter()
                .filter_map(|code| suite.requirement(code.as_ref()))
                .map(|requirement| class(&requirement.def))
                .collect();
            if classes.len() > 1 {
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
            for watched in &def.watch {
                let Some(method) = self.rpc(file, watched) else { continue };
                let scope = names::of_call(&method);
                for expect in def.expect.iter().chain(&def.when) {
                    self.expression(&place, expect, &scope);
                }
            }
        }
    }
}

/// Everything may be used where the version is not the question.
fn newest() -> Option<Version> {
    "9999.0".parse().ok()
}

/// Whether a step is the test and not set-up.
pub fn is_test(step: &StepDef) -> bool {
    match step.setup {
        Some(setup) => !setup,
        None => step.code.is_some() || step.exit.is_some() || !step.expect.is_empty(),
    }
}

/// The binding whose request an override changes.
pub fn main_of(situation: &SituationDef) -> Option<&String> {
    situation
        .main
        .as_ref()
        .or_else(|| situation.steps.iter().find_map(|step| step.bind.as_ref()))
        .map(Spanned::as_ref)
}

/// The verdict of a breach; with several levels, that of the newest.
fn class(def: &RequirementDef) -> Verdict {
    let level = match (&def.level, &def.levels) {
        (Some(level), _) => *level.as_ref(),
        (None, Some(levels)) => levels.as_ref().values().copied().max().unwrap_or(Level::May),
        (None, None) => Level::May,
    };
    Verdict::of_breach(level, *def.basis.as_ref(), def.cap.is_some())
}
