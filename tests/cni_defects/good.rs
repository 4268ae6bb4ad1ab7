//! Good plugins: what they are accused of is known, since the real ones have faults, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use libtest_mimic::Failed;

use crate::{
    exempt,
    matrix::blesses,
    shim::rule::{Difference, SPEC},
    stand::{Ran, asked_for_some, each, folder, run, run_plain, without_version},
};

/// A plugin and the version that it is tried at.
type Which = (String, String);
type Known = Mutex<BTreeMap<Which, Arc<OnceLock<Arc<Ran>>>>>;

/// The whole suite on an honest shim of a plugin: run once for all tests.
pub fn good(plugin: &str, spec: &str) -> Arc<Ran> {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(Known::default);
    let slot = {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((plugin.to_owned(), spec.to_owned())).or_default().clone()
    };
    slot.get_or_init(|| Arc::new(run(&Difference::none(plugin, spec), &[]))).clone()
}

/// All that differences are tried with.
pub fn all(differences: &[Difference]) -> Vec<(Which, Arc<Ran>)> {
    let which: BTreeSet<Which> =
        differences.iter().map(|one| (one.plugin.clone(), one.spec.clone())).collect();
    let which: Vec<Which> = which.into_iter().collect();
    let ran = each(&which, |(plugin, spec)| good(plugin, spec));
    which.into_iter().zip(ran).collect()
}

pub fn an_honest_shim_is_the_plugin() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let [plain, shim] =
        [Arc::new(run_plain("bridge", SPEC, &[])), good("bridge", SPEC)].map(|ran| {
            let verdicts =
                ran.checks.iter().map(|(id, became)| (id.clone(), became.verdict.clone()));
            verdicts.collect::<BTreeMap<String, String>>()
        });
    assert_eq!(plain, shim);
    Ok(())
}

pub fn accused_of_what_is_known() -> Result<(), Failed> {
    if asked_for_some().is_some() || crate::matrix::is_sample() {
        return Ok(());
    }
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut skipped: BTreeMap<String, bool> = BTreeMap::new();
    for ((plugin, spec), ran) in all(&crate::matrix::defects()) {
        wrong.extend(ran.complaints.iter().map(|why| format!("  {plugin} at {spec}: {why}")));
        let text = texts.entry(plugin.clone()).or_default();
        for (id, became) in &ran.checks {
            if became.weight() > 0 {
                let _ = writeln!(
                    text,
                    "{} {id}: {}",
                    became.verdict,
                    became.actual.lines().next().unwrap_or_default()
                );
            }
            if became.verdict == "error" {
                wrong.push(format!("  {plugin} at {spec}: {id}: {}", became.told()));
            }
            let never = skipped.entry(without_version(id)).or_insert(true);
            *never &= became.verdict == "skip";
        }
    }
    // What is run on none of them, no defect can show.
    let never: Vec<&str> =
        skipped.iter().filter(|(_, never)| **never).map(|(id, _)| id.as_str()).collect();
    let unexplained = never.iter().filter(|id| exempt::reason("skip", id).is_none());
    wrong.extend(unexplained.map(|id| format!("  {id}: skipped on every plugin")));
    let needless = exempt::needless("skip", &never);
    wrong.extend(needless.iter().map(|id| format!("  {id}: exempt, and run on some plugin")));
    for (plugin, text) in texts {
        wrong.extend(against_the_known(&plugin, &text));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} mistakes:\n{}", wrong.len(), wrong.join("\n")).into())
}

fn against_the_known(plugin: &str, text: &str) -> Vec<String> {
    let known = folder("defects/cni/known");
    let path = known.join(format!("{plugin}.txt"));
    if blesses() {
        fs::create_dir_all(&known).expect("the folder can be made");
        fs::write(&path, text).expect("the folder can be written to");
        return Vec::new();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    // The reason is for readers.
    let [now, before]: [BTreeSet<&str>; 2] = [text, &known]
        .map(|text| text.lines().filter_map(|line| line.split(": ").next()).collect());
    let new = now.difference(&before).map(|line| format!("  {plugin}: not known: {line}"));
    let gone = before.difference(&now).map(|line| format!("  {plugin}: no longer: {line}"));
    new.chain(gone).collect()
}
