//! Finds every mistake of a suite without a target (design, rule 6).
//!
//! One walk over the definitions, a file for each kind; each adds what it finds, so that all mistakes
//! are told at once. Expressions are resolved by type in [`super::expr::types`].

mod check;
mod requirement;
mod step;
mod value;
mod vocabulary;

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use prost_reflect::MethodDescriptor;
use toml::Spanned;

use super::{
    diagnostic::{Diagnostic, SourceFile},
    expand,
    load::Suite,
    names::{self, Names},
    rpc,
    signature::Signature,
    version::Version,
};

/// The standard whose steps see a `driver`.
const STORAGE: &str = "csi";

/// Facts about the host that `found_by.host` may name.
pub const HOST_FACTS: &[&str] = &[
    "files",
    "guest",
    "registry",
    "restart",
    "cni-conf",
    "kernel",
    "node-files",
    "driver",
    "driver-output",
];

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

    /// What every step of the suite sees.
    fn everywhere(&self) -> Names {
        let mut names = names::everywhere();
        if self.suite.executes() {
            names.extend(names::of_plugin());
        }
        if self.suite.standard == STORAGE {
            names.extend(names::of_driver());
        }
        names
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

    fn code(&mut self, file: &Arc<SourceFile>, code: &Spanned<String>, words: bool) {
        let name = code.as_ref().as_str();
        let known = rpc::CODES.iter().any(|(known, _)| *known == name)
            || (words && (name == "error" || name == "any" || name.starts_with('$')));
        if !known {
            self.say(file, code.span(), format!("there is no gRPC code `{name}`"));
        }
    }
}

/// Everything may be used where the version is not the question.
fn newest() -> Option<Version> {
    "9999.0".parse().ok()
}
