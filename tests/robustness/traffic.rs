//! Which rpcs the suite uses, and in which checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use stdcheck::suite::{
    expand::{self, Check},
    format::{Risk, StepDef},
    load::{self, Suite},
};

/// Checks that wait on purpose.
const SLOW: &[&str] = &["cut-", "killed", "shortened", "parallel", "timeout", "oom", "concurrent"];

/// The built-in suite.
pub fn suite() -> Arc<Suite> {
    Arc::new(load::built_in("cri").expect("our own suite is sound"))
}

fn calls(steps: &[StepDef]) -> impl Iterator<Item = String> + '_ {
    steps.iter().filter_map(|step| Some(step.call.as_ref()?.as_ref().clone()))
}

/// Every rpc that a run of the whole suite may use, as far as its files say.
pub fn rpcs(suite: &Suite) -> BTreeSet<String> {
    let mut rpcs: BTreeSet<String> = suite.requests.keys().cloned().collect();
    for check in &suite.checks {
        rpcs.extend(calls(&check.def.steps));
    }
    for situation in &suite.situations {
        rpcs.extend(calls(&situation.def.steps));
    }
    for undo in suite.undo.values() {
        rpcs.extend(calls(&undo.def.1.steps));
        rpcs.extend(calls(&undo.def.1.cut));
    }
    let found_by = suite.capabilities.iter().map(|capability| capability.def.found_by.as_ref());
    rpcs.extend(found_by.filter_map(|found_by| Some(found_by.call.as_ref()?.as_ref().clone())));
    rpcs
}

/// A few quick checks for each rpc, which call it in a step, in their situation or when they clean up.
pub fn checks_by_rpc(suite: &Arc<Suite>, most: usize) -> BTreeMap<String, Vec<String>> {
    let checks = expand::checks(suite).expect("our own suite is sound");
    let quick = |check: &&Check| {
        let def = &check.source.def;
        def.risk != Some(Risk::Crash)
            && !def.exclusive
            && !SLOW.iter().any(|part| check.id.contains(part))
            && !check
                .needs
                .iter()
                .any(|need| need.starts_with("host:") || need.starts_with("user:"))
    };
    let checks: Vec<&Check> = checks.iter().filter(quick).collect();
    rpcs(suite)
        .into_iter()
        .map(|rpc| {
            let direct = |check: &&&Check| calls(&check.source.def.steps).any(|call| call == rpc);
            let through = |check: &&&Check| all_calls(suite, check).contains(&rpc);
            let mut ids: Vec<String> = Vec::new();
            let chosen = checks.iter().filter(direct).chain(checks.iter().filter(through));
            for check in chosen {
                if ids.len() < most && !ids.contains(&check.id) {
                    ids.push(check.id.clone());
                }
            }
            (rpc, ids)
        })
        .collect()
}

/// The calls of a check with its situation, its capabilities and the undo of all of these.
fn all_calls(suite: &Suite, check: &Check) -> BTreeSet<String> {
    let def = &check.source.def;
    let mut all: BTreeSet<String> = calls(&def.steps).collect();
    if let Some(given) = &def.given {
        for situation in suite.chain(given.name.as_ref()) {
            all.extend(calls(&situation.def.steps));
            let provides = |step: &StepDef| {
                step.verb.as_ref().is_some_and(|verb| verb.as_ref() == "image.provide")
            };
            if situation.def.steps.iter().any(provides) {
                all.insert("ImageService/PullImage".to_owned());
            }
        }
    }
    for need in &check.needs {
        let found_by = suite.capability(need).map(|capability| capability.def.found_by.as_ref());
        all.extend(found_by.and_then(|found_by| Some(found_by.call.as_ref()?.as_ref().clone())));
    }
    for rpc in all.clone() {
        let undo = suite.undo.get(&rpc);
        all.extend(undo.into_iter().flat_map(|undo| calls(&undo.def.1.steps).collect::<Vec<_>>()));
    }
    // The last sweep looks at both.
    all.extend(["RuntimeService/ListPodSandbox", "ImageService/ListImages"].map(str::to_owned));
    all
}
