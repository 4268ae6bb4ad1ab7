//! The checks that a matrix cannot speak for, each with the reason: the file `stand::EXEMPT`. `tests/defects.rs`,
//! `tests/cni_defects.rs` and `tests/csi_defects.rs` have this module.

use std::sync::OnceLock;

use serde::Deserialize;
use wildmatch::WildMatch;

use crate::stand::{EXEMPT, folder};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Checks that are skipped on whatever is honest.
    #[serde(default)]
    skip: Vec<Exemption>,
    /// Checks that no defect makes fail.
    #[serde(default)]
    unkillable: Vec<Exemption>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exemption {
    check: String,
    because: String,
}

fn list(kind: &str) -> &'static [Exemption] {
    static FILE: OnceLock<File> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let text = std::fs::read_to_string(folder(EXEMPT)).expect("it is committed");
        toml::from_str(&text).unwrap_or_else(|why| panic!("{EXEMPT}: {why}"))
    });
    if kind == "skip" { &file.skip } else { &file.unkillable }
}

/// Why a check is exempt from being run (`skip`) or from having a defect (`unkillable`).
pub fn reason(kind: &str, check: &str) -> Option<&'static str> {
    let fits = |one: &&Exemption| WildMatch::new(&one.check).matches(check);
    list(kind).iter().find(fits).map(|one| one.because.as_str())
}

/// The exemptions that no check of these needs.
pub fn needless(kind: &str, checks: &[&str]) -> Vec<&'static str> {
    let needed = |one: &&Exemption| {
        let pattern = WildMatch::new(&one.check);
        !checks.iter().any(|check| pattern.matches(check))
    };
    list(kind).iter().filter(needed).map(|one| one.check.as_str()).collect()
}
