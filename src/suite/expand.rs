//! Makes one check out of each case, with everything that it inherits.

use std::sync::Arc;

use toml::Spanned;

use super::{
    diagnostic::{Diagnostic, SourceFile},
    format::{CheckDef, InvariantDef},
    load::{Sourced, Suite},
    tree::{Table, Tree},
};

/// The keys of a case that are not variables.
const KNOWN: [&str; 5] = ["case", "requires", "needs", "forbids", "since"];

/// One check as it is run: a definition with one of its cases.
#[derive(Clone, Debug)]
pub struct Check {
    /// `cri.sandbox.missing[metadata]`
    pub id: String,
    /// What the check shows, as a sentence.
    pub title: String,
    /// Where it was written.
    pub source: Sourced<CheckDef>,
    /// The place of the slug or case.
    pub place: std::ops::Range<usize>,
    /// The variables of the case; empty without one.
    pub variables: Table,
    /// Codes that it can show broken.
    pub requires: Vec<Spanned<String>>,
    /// Its own, its case's and its situations' needs, each once.
    pub needs: Vec<String>,
    /// Its own and its case's.
    pub forbids: Vec<String>,
    /// First version that it can be judged by, where it says so itself.
    pub since: Option<Spanned<String>>,
}

impl Check {
    /// Where it was written.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.source.file
    }
}

/// All checks of a suite, cases expanded, in the order of the files.
///
/// # Errors
/// Cases that are malformed.
pub fn checks(suite: &Suite) -> Result<Vec<Check>, Vec<Diagnostic>> {
    let mut checks = Vec::new();
    let mut mistakes = Vec::new();
    for source in &suite.checks {
        let def = &source.def;
        let situation_needs = def
            .given
            .iter()
            .flat_map(|given| suite.chain(given.name.as_ref()))
            .flat_map(|situation| situation.def.needs.iter());
        let mut needs: Vec<String> = Vec::new();
        for need in def.needs.iter().chain(situation_needs) {
            if !needs.contains(need.as_ref()) {
                needs.push(need.as_ref().clone());
            }
        }
        let plain = Check {
            id: def.id.as_ref().clone(),
            title: def.title.clone(),
            source: source.clone(),
            place: def.id.span(),
            variables: Table::new(),
            requires: def.requires.clone(),
            needs,
            forbids: def.forbids.iter().map(|word| word.as_ref().clone()).collect(),
            since: def.since.clone(),
        };
        if def.cases.is_empty() {
            checks.push(plain);
            continue;
        }
        for case in &def.cases {
            match with_case(&plain, case) {
                Ok(check) => checks.push(check),
                Err(mistake) => mistakes.push(mistake),
            }
        }
    }
    if mistakes.is_empty() { Ok(checks) } else { Err(mistakes) }
}

fn with_case(plain: &Check, case: &Spanned<Tree>) -> Result<Check, Diagnostic> {
    let file = &plain.source.file;
    let mistake = |place, message: &str| Diagnostic::new(file, place, message);
    let Tree::Table(members) = case.as_ref() else {
        return Err(mistake(case.span(), "a case is a table: { case = \"…\", … }"));
    };
    let mut check = plain.clone();
    let mut name = None;
    for (key, value) in members {
        match key.as_ref().as_str() {
            "case" => match value.as_ref() {
                Tree::Text(text) => name = Some((text.clone(), value.span())),
                _ => return Err(mistake(value.span(), "the name of a case is text")),
            },
            "since" => match value.as_ref() {
                Tree::Text(text) => check.since = Some(Spanned::new(value.span(), text.clone())),
                _ => return Err(mistake(value.span(), "a version is text")),
            },
            known if KNOWN.contains(&known) => {
                let words = words(value).ok_or_else(|| {
                    mistake(value.span(), &format!("`{known}` is a list of words"))
                })?;
                match known {
                    "requires" => check.requires.extend(words),
                    "needs" => check.needs.extend(words.into_iter().map(Spanned::into_inner)),
                    _ => check.forbids.extend(words.into_iter().map(Spanned::into_inner)),
                }
            }
            _ => check.variables.push((key.clone(), value.clone())),
        }
    }
    let Some((name, place)) = name else {
        return Err(mistake(case.span(), "a case needs a name: case = \"…\""));
    };
    check.id = format!("{}[{name}]", plain.id);
    check.title = format!("{} ({name})", plain.title);
    check.place = place;
    Ok(check)
}

/// The words of a list, where it is one.
pub(super) fn words(value: &Spanned<Tree>) -> Option<Vec<Spanned<String>>> {
    match value.as_ref() {
        Tree::List(items) => items
            .iter()
            .map(|item| match item.as_ref() {
                Tree::Text(text) => Some(Spanned::new(item.span(), text.clone())),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The capabilities that an invariant needs.
pub fn invariant_needs(def: &InvariantDef) -> Vec<String> {
    def.needs.iter().map(|need| need.as_ref().clone()).collect()
}
