//! Builds the states that checks start from, and shares those that are only looked at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;
use toml::Spanned;

use super::{Run, check, halt::Halt, host::Host, lane::Lane, seen::Evidence, step, undo};
use crate::suite::{
    expr::{Scope, Value},
    format::{Given, SituationDef, StepDef},
    load::Sourced,
    tree::{Table, Tree},
    version::Version,
};

/// A situation that stands: what it bound and how it was built.
#[derive(Clone, Default)]
pub struct Built {
    /// The names that it gives to checks.
    pub bindings: Scope,
    /// The exchanges that built it.
    pub exchanges: Vec<Evidence>,
    /// Where a plugin was executed.
    host: Option<Arc<Host>>,
}

/// What was built, or what was seen until it could not be.
type Cell = Arc<OnceCell<(Built, Result<(), Halt>)>>;

/// Situations that several checks share, by name and overrides.
#[derive(Default)]
pub struct Shared {
    cells: Mutex<BTreeMap<String, Cell>>,
    /// What takes them down, in the order in which they were built.
    lanes: Mutex<Vec<(String, Lane)>>,
}

impl Shared {
    fn cell(&self, key: &str) -> Cell {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry(key.to_owned()).or_default().clone()
    }

    /// Forgets one, so that it is built anew when next wanted; gives back what takes it down.
    fn forget(&self, key: &str) -> Vec<Lane> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let (gone, kept) = lanes.drain(..).partition(|(of, _)| of == key);
        *lanes = kept;
        gone.into_iter().map(|(_, lane): (String, Lane)| lane).collect()
    }

    /// Takes one down that nobody wants any more. Says how the target died, if it did.
    pub async fn take_down(&self, key: &str) -> Option<String> {
        let mut died = None;
        for mut lane in self.forget(key) {
            // What is not undone now is left with its lane, until the target is back.
            if died.is_none() {
                died = undo::all(&mut lane).await;
            }
        }
        died
    }

    /// Takes all of them down, the youngest first. Says how the target died, if it did.
    pub async fn take_all_down(&self) -> Option<String> {
        let mut died = None;
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut lanes =
            std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some((_, mut lane)) = lanes.pop() {
            if died.is_none() {
                died = undo::all(&mut lane).await;
            }
        }
        died
    }

    /// After a death: nothing that stood may be trusted. It is still undone at the end.
    pub fn distrust(&self) {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The key under which checks share a situation; the same for the same overrides.
pub fn key(given: &Given, variables: &Table) -> String {
    let mut key = given.name.as_ref().clone();
    let before = key.len();
    for (name, over) in &given.overrides {
        key.push_str(&format!(" {}=", name.as_ref()));
        spell(over.as_ref(), &mut key);
    }
    if key[before..].contains("$case") {
        for (name, value) in variables {
            key.push_str(&format!(" {}=", name.as_ref()));
            spell(value.as_ref(), &mut key);
        }
    }
    key
}

/// A tree as text, without its places.
fn spell(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Bool(value) => out.push_str(&value.to_string()),
        Tree::Int(value) => out.push_str(&value.to_string()),
        Tree::Float(value) => out.push_str(&value.to_string()),
        Tree::Text(text) => out.push_str(&format!("{text:?}")),
        Tree::List(items) => {
            out.push('[');
            for item in items {
                spell(item.as_ref(), out);
                out.push(',');
            }
            out.push(']');
        }
        Tree::Table(members) => {
            out.push('{');
            for (name, value) in members {
                out.push_str(name.as_ref());
                out.push('=');
                spell(value.as_ref(), out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

/// Puts a check into its situation: `lane` gets the names, and the undo of what is its own.
///
/// # Errors
/// Why it cannot be built; a refusal is `error`.
pub async fn enter(lane: &mut Lane, given: &Given, share: Option<&str>) -> Result<(), Halt> {
    match share {
        None => build(lane, given).await,
        Some(key) => {
            let run = lane.run.clone();
            let case = lane.scope.get("case").cloned();
            adopt(lane, shared(&run, key, &lane.api, What::Given(given, case)).await)
        }
    }
}

fn adopt(lane: &mut Lane, (built, result): (Built, Result<(), Halt>)) -> Result<(), Halt> {
    // Also of one that could not be built: they show why.
    lane.exchanges.extend(built.exchanges);
    result?;
    lane.scope.extend(built.bindings);
    lane.take_host(built.host);
    Ok(())
}

/// What a shared situation is made of.
enum What<'a> {
    /// A check's situation with its overrides, and the check's case.
    Given(&'a Given, Option<Value>),
    /// One that the whole run shares.
    Situation(&'a Sourced<SituationDef>),
}

/// A shared situation, built by the first who wants it.
async fn shared(
    run: &Arc<Run>,
    key: &str,
    api: &Version,
    what: What<'_>,
) -> (Built, Result<(), Halt>) {
    let cell = run.shared.cell(key);
    cell.get_or_init(|| async {
        let mut lane = Lane::at(run, &format!("situation {key}"), api);
        let result = match what {
            What::Given(given, case) => {
                lane.scope.extend(case.map(|case| ("case".to_owned(), case)));
                // Boxed: what it stands on may be shared in its turn.
                Box::pin(build(&mut lane, given)).await
            }
            What::Situation(situation) => steps(&mut lane, situation, &[]).await,
        };
        let mut bindings = lane.scope.clone();
        let everywhere = run.names();
        bindings.retain(|name, _| name != "case" && !everywhere.contains_key(name));
        // It stands for long: what is kept is what a reader wants, and not the whole replies.
        let exchanges = lane.take_evidence().iter().map(|one| one.told(&run.redactor)).collect();
        let built = Built { bindings, exchanges, host: lane.host().cloned() };
        run.shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key.to_owned(), lane));
        (built, result)
    })
    .await
    .clone()
}

/// Builds a situation and all that it stands on in a lane of its own; parts that are shared by the
/// whole run are taken from there.
async fn build(lane: &mut Lane, given: &Given) -> Result<(), Halt> {
    let run = lane.run.clone();
    for situation in run.plan.suite.chain(given.name.as_ref()) {
        let over = given
            .overrides
            .iter()
            .find(|(name, _)| name.as_ref() == situation.def.name.as_ref())
            .map(|(_, over)| over);
        if situation.def.shared && over.is_none() {
            let key = format!("run {}", situation.def.name.as_ref());
            let built = shared(&run, &key, &lane.api.clone(), What::Situation(situation)).await;
            adopt(lane, built)?;
        } else {
            steps(lane, situation, &given.overrides).await?;
        }
    }
    Ok(())
}

/// The steps of one situation; a step that makes the main request of one that is overridden gets
/// the override.
async fn steps(
    lane: &mut Lane,
    situation: &Sourced<SituationDef>,
    overrides: &[(Spanned<String>, Spanned<Tree>)],
) -> Result<(), Halt> {
    let run = lane.run.clone();
    for step in &situation.def.steps {
        if run.stop.is_cancelled() {
            return Err(check::stopped(&run));
        }
        let over = overrides.iter().find(|(name, _)| {
            let main = run.plan.suite.situation(name.as_ref());
            main.and_then(|main| main.def.main_binding()).is_some_and(|main| binds(step, main))
        });
        let over = over.map(|(_, tree)| tree.as_ref());
        step::execute(lane, step, over).await.map_err(|halt| match halt {
            // A refusal while a situation is built says nothing about the check's requirement.
            Halt::Broken(_) => Halt::Error(halt.line()),
            Halt::Error(why) => {
                Halt::Error(format!("situation `{}`: {why}", situation.def.name.as_ref()))
            }
            other => other,
        })?;
    }
    Ok(())
}

fn binds(step: &StepDef, name: &str) -> bool {
    step.bind.as_ref().is_some_and(|bind| bind.as_ref() == name)
}
