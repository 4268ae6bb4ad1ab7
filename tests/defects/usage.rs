//! Which rpcs the verdict of a check hangs on: those of its own steps, and of the calls that make its
//! situation those that it asks for in its own way, or that make nothing (a stop, say). All others are
//! left out, or a defect of RunPodSandbox would be tried with nearly every check.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stdcheck::suite::{
    expand,
    format::{SituationDef, StepDef},
    load::{self, Suite},
    rpc,
    tree::Tree,
};

use crate::harness::Told;

type Rpcs = BTreeSet<String>;

/// The rpcs of each check that passed, and of each invariant that saw something.
pub fn of(told: &Told) -> BTreeMap<String, Rpcs> {
    let suite = load::built_in("cri").expect("the suite is sound");
    let passed: BTreeSet<&str> = told.ids("pass").into_iter().collect();
    let invariants = suite.invariants.iter().map(|invariant| {
        let watch = invariant.def.watch.iter().map(|rpc| rpc.as_ref().clone()).collect();
        (invariant.def.id.as_ref().clone(), watch)
    });
    let checks = expand::checks(&suite).expect("the suite is sound");
    let checks = checks
        .iter()
        .filter(|check| passed.contains(check.id.as_str()))
        .map(|check| (check.id.clone(), of_check(&suite, check, told.check(&check.id))));
    let mut all: BTreeMap<String, Rpcs> = invariants.chain(checks).collect();
    all.retain(|id, _| passed.contains(id.as_str()));
    all
}

fn of_check(suite: &Suite, check: &expand::Check, report: &Value) -> Rpcs {
    let def = &check.source.def;
    let mut below = Rpcs::new();
    let mut own = calls(&def.steps);
    // A verb is told an rpc by name.
    let told_verbs = def.steps.iter().filter_map(|step| step.with.as_ref());
    own.extend(told_verbs.flat_map(|with| named(with.as_ref())));
    own.extend(check.variables.iter().flat_map(|(_, value)| named(value.as_ref())));
    if let Some(given) = &def.given {
        let chain: Vec<&SituationDef> =
            suite.chain(given.name.as_ref()).iter().map(|situation| &*situation.def).collect();
        below = chain.iter().flat_map(|situation| calls(&situation.steps)).collect();
        if chain.iter().any(|situation| situation.name.as_ref() == "image") {
            below.insert("ImageService/PullImage".to_owned());
        }
        let makes = |rpc: &String| suite.undo.contains_key(rpc);
        if let Some(last) = chain.last() {
            own.extend(calls(&last.steps).into_iter().filter(|rpc| !makes(rpc)));
        }
        for (name, _) in &given.overrides {
            let situation = chain.iter().find(|situation| situation.name.as_ref() == name.as_ref());
            own.extend(situation.and_then(|situation| main(&chain, situation)));
        }
    }
    // What verbs called; what the situation may have called instead is not told apart from it.
    let exchanges = report["evidence"].as_array().into_iter().flatten();
    let seen = exchanges.filter_map(|exchange| exchange["what"].as_str());
    let of_verbs = seen.filter(|what| what.contains('/') && !below.contains(*what));
    own.extend(of_verbs.map(str::to_owned));
    own
}

fn calls(steps: &[StepDef]) -> Rpcs {
    steps.iter().filter_map(|step| step.call.as_ref()).map(|call| call.as_ref().clone()).collect()
}

/// The rpcs that stand in a value as text.
fn named(tree: &Tree) -> Rpcs {
    match tree {
        Tree::Text(text) => {
            rpc::find("runtime.v1", text).map(|_| text.clone()).into_iter().collect()
        }
        Tree::List(items) => items.iter().flat_map(|item| named(item.as_ref())).collect(),
        Tree::Table(members) => members.iter().flat_map(|(_, item)| named(item.as_ref())).collect(),
        _ => Rpcs::new(),
    }
}

/// The rpc whose request an override of that situation changes.
fn main(chain: &[&SituationDef], situation: &SituationDef) -> Option<String> {
    let binding = situation.main_binding()?;
    let steps = chain.iter().flat_map(|situation| &situation.steps);
    let step = steps
        .filter(|step| step.bind.as_ref().is_some_and(|bind| bind.as_ref() == binding))
        .find_map(|step| step.call.as_ref())?;
    Some(step.as_ref().clone())
}
