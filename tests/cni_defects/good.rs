//! Good plugins: what they are accused of is known, since the real ones have faults, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use libtest_mimic::Failed;

use crate::{
    matrix::blesses,
    shim::rule::{Difference, SPEC},
    stand::{Ran, asked_for_some, each, folder, run, run_plain, without_version},
};

/// A plugin, the version that it is tried at, and the profile of the tests' own, if it is given one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Which {
    plugin: String,
    spec: String,
    profile: Option<String>,
}

impl Which {
    fn of(difference: &Difference) -> Which {
        let Difference { plugin, spec, profile, .. } = difference.clone();
        Which { plugin, spec, profile }
    }

    fn honest(&self) -> Difference {
        Difference { profile: self.profile.clone(), ..Difference::none(&self.plugin, &self.spec) }
    }

    /// What its file in `known` is called.
    fn file(&self) -> &str {
        self.profile.as_ref().unwrap_or(&self.plugin)
    }
}

type Known = Mutex<BTreeMap<Which, Arc<OnceLock<Arc<Ran>>>>>;

/// The whole suite on an honest shim of the plugin that a difference bends: run once for all tests.
pub fn good(difference: &Difference) -> Arc<Ran> {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(Known::default);
    let which = Which::of(difference);
    let slot = {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(which.clone()).or_default().clone()
    };
    slot.get_or_init(|| Arc::new(run(&which.honest(), &[]))).clone()
}

/// The checks that are skipped on every good plugin. One that has cases is run by these: without them
/// it only says that a version has none.
pub fn never_run(goods: &[(Which, Arc<Ran>)]) -> BTreeSet<String> {
    let mut skipped: BTreeMap<String, bool> = BTreeMap::new();
    for (id, became) in goods.iter().flat_map(|(_, ran)| &ran.checks) {
        *skipped.entry(without_version(id)).or_insert(true) &= became.verdict == "skip";
    }
    let has_cases = |id: &String| skipped.keys().any(|one| one.starts_with(&format!("{id}[")));
    skipped
        .iter()
        .filter(|(id, never)| **never && !has_cases(id))
        .map(|(id, _)| id.clone())
        .collect()
}

/// All that differences are tried with.
pub fn all(differences: &[Difference]) -> Vec<(Which, Arc<Ran>)> {
    let which: BTreeSet<Which> = differences.iter().map(Which::of).collect();
    let which: Vec<Which> = which.into_iter().collect();
    let ran = each(&which, |one| good(&one.honest()));
    which.into_iter().zip(ran).collect()
}

pub fn an_honest_shim_is_the_plugin() -> Result<(), Failed> {
    if asked_for_some().is_some() {
        return Ok(());
    }
    let [plain, shim] =
        [Arc::new(run_plain("bridge", SPEC, &[])), good(&Difference::none("bridge", SPEC))].map(
            |ran| {
                let verdicts =
                    ran.checks.iter().map(|(id, became)| (id.clone(), became.verdict.clone()));
                verdicts.collect::<BTreeMap<String, String>>()
            },
        );
    assert_eq!(plain, shim);
    Ok(())
}

pub fn accused_of_what_is_known() -> Result<(), Failed> {
    if asked_for_some().is_some() || crate::matrix::is_sample() {
        return Ok(());
    }
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (which, ran) in all(&crate::matrix::defects()) {
        let (plugin, spec) = (which.file(), &which.spec);
        wrong.extend(ran.complaints.iter().map(|why| format!("  {plugin} at {spec}: {why}")));
        let text = texts.entry(plugin.to_owned()).or_default();
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
        }
    }
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
