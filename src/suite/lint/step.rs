//! Lint of steps: the call or verb, its request or parameters, what is expected of it.

use std::ops::Range;

use prost_reflect::MethodDescriptor;
use toml::Spanned;

use super::{Lint, Place};
use crate::suite::{
    expr::types::Type,
    format::StepDef,
    names::{self, Names},
    request, rpc,
    tree::Tree,
};

/// The operations of the CNI specification, section 2.
pub(super) const COMMANDS: [&str; 6] = ["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"];
/// Those that change nothing.
const LOOKING: [&str; 3] = ["CHECK", "STATUS", "VERSION"];

impl Lint<'_> {
    /// Adds what a step binds, without looking at it.
    pub(super) fn bind(&self, step: &StepDef, scope: &mut Names) {
        let Some(bind) = &step.bind else { return };
        let members = match (&step.call, &step.verb) {
            (None, None) if step.exec.is_some() => names::of_execution(),
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

    pub(super) fn step(&mut self, place: &Place<'_>, step: &StepDef, scope: &mut Names) {
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
        if of_plugins && !self.suite.executes() {
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
        } else if let Some(command) = &step.exec {
            looks = self.execution(place, step, command, scope);
            inner.extend(names::of_execution());
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

    /// An execution of a plugin; says whether it changes nothing. What is in a configuration only the
    /// plugin knows.
    fn execution(
        &mut self,
        place: &Place<'_>,
        step: &StepDef,
        command: &Spanned<String>,
        scope: &Names,
    ) -> bool {
        let file = place.file;
        let name = command.as_ref().as_str();
        if !name.starts_with('$') && !COMMANDS.contains(&name) {
            let message = format!(
                "there is no command `{name}`: {}; others go into `env`",
                COMMANDS.join(", ")
            );
            self.say(file, command.span(), message);
        }
        if step.code.is_some() {
            self.say(file, command.span(), "an execution has an `exit` and no `code`");
        }
        if step.stdin.is_some() && (step.with.is_some() || step.omit.is_some()) {
            let message = "`stdin` takes the place of the configuration: no `with` and no `omit`";
            self.say(file, command.span(), message);
        }
        for tree in [&step.with, &step.env, &step.stdin, &step.exit].into_iter().flatten() {
            for text in request::texts(tree) {
                self.text(place, &text, scope);
            }
        }
        for word in [&step.omit, &step.unset].into_iter().flatten().flat_map(|words| &words.0) {
            if word.as_ref().starts_with('$') {
                self.text(place, &Spanned::new(word.span(), word.as_ref().as_str()), scope);
            }
        }
        LOOKING.contains(&name)
    }

    /// The request of a call: base and `with` together, then `omit`.
    pub(super) fn request_of(
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

    pub(super) fn parameters(
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
            self.called(place, with, scope);
        }
    }

    /// A verb that takes an `rpc`, or a list of such, calls it with its base request and the `with`
    /// beside it.
    fn called(&mut self, place: &Place<'_>, params: &Spanned<Tree>, scope: &Names) {
        if let Some(Tree::List(calls)) = params.as_ref().get("calls").map(Spanned::as_ref) {
            for call in calls {
                self.called(place, call, scope);
            }
        }
        let Some(name) = params.as_ref().get("rpc") else { return };
        // What a case or a binding names is not known here.
        let Tree::Text(text) = name.as_ref() else { return };
        if text.contains('$') {
            return;
        }
        let Some(method) = self.rpc(place.file, &Spanned::new(name.span(), text.clone())) else {
            return;
        };
        self.since_of_method(place, &method, name.span());
        let with = params.as_ref().get("with").cloned();
        let step = StepDef { with, ..StepDef::default() };
        self.request_of(place, &step, &method, scope, name.span());
    }
}
