//! The honest double: no check accuses it, and all have something to see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use wildmatch::WildMatch;

use crate::{
    double::rule::Difference,
    exempt,
    harness::Told,
    matrix,
    stand::{Stand, asked_for_some},
    usage,
};

/// What is known of the suite on an honest double.
pub struct Clean {
    /// Each check and invariant that passes → the rpcs that its verdict hangs on.
    pub used: BTreeMap<String, BTreeSet<String>>,
    /// The run.
    pub told: Told,
}

/// The clean run: made once for all tests.
pub fn clean() -> &'static Clean {
    static CLEAN: OnceLock<Clean> = OnceLock::new();
    CLEAN.get_or_init(|| {
        let told = Stand::new(None).run([]);
        Clean { used: usage::of(&told), told }
    })
}

impl Clean {
    /// The checks that are tried under a difference first: by default those that are known to report it.
    pub fn tried_with(&self, difference: &Difference) -> BTreeSet<String> {
        let known = matrix::committed(&difference.name);
        let wide = std::env::var_os("STDCHECK_MATRIX").is_some() || matrix::blesses();
        if wide || known.is_empty() { self.touched_by(difference) } else { known }
    }

    /// The checks whose verdict may hang on a difference.
    pub fn touched_by(&self, difference: &Difference) -> BTreeSet<String> {
        if !difference.only.is_empty() {
            return difference.only.iter().cloned().collect();
        }
        let how = std::env::var("STDCHECK_MATRIX").unwrap_or_default();
        if how == "full" {
            return self.used.keys().cloned().collect();
        }
        let patterns: Vec<WildMatch> =
            difference.bends.iter().map(|bend| WildMatch::new(&bend.rpc)).collect();
        let touched = |rpcs: &BTreeSet<String>| {
            rpcs.iter().any(|rpc| patterns.iter().any(|pattern| pattern.matches(rpc)))
        };
        let used = self.used.iter().filter(|(_, rpcs)| touched(rpcs));
        used.map(|(id, _)| id.clone()).chain(difference.select.iter().cloned()).collect()
    }
}

#[test]
fn an_honest_double_is_not_accused_and_every_check_has_something_to_see() {
    if asked_for_some().is_some() {
        return;
    }
    let told = &clean().told;
    let accused = ["fail", "warn", "error"].map(|verdict| told.with_verdict(verdict)).concat();
    assert_eq!(accused, [], "accused, or not found out");
    for list in ["cleanup_failures", "deaths", "unattributed_deaths"] {
        assert_eq!(told.report[list], serde_json::json!([]), "{list}");
    }
    let skipped = told.with_verdict("skip");
    let unexplained: Vec<_> =
        skipped.iter().filter(|(id, _)| exempt::reason("skip", id).is_none()).collect();
    assert_eq!(unexplained, Vec::<&(&str, &str)>::new());
    // Whether there is a skip may hang on how quick the machine is, so being needless is no mistake.
    let all: Vec<String> = told.verdicts().into_iter().map(|(id, _)| id).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(exempt::needless("skip", &all), Vec::<&str>::new(), "of no check");
}
