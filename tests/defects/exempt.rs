//! The checks that the matrix cannot speak for, each with the reason: `exempt.toml`.

use std::sync::OnceLock;

use serde::Deserialize;
use wildmatch::WildMatch;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Checks that are skipped on the honest double.
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

fn file() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| toml::from_str(include_str!("exempt.toml")).expect("a sound exempt.toml"))
}

fn list(kind: &str) -> &'static [Exemption] {
    if kind == "skip" { &file().skip } else { &file().unkillable }
}

/// Why a check is exempt from being run (`skip`) or from having a defect (`unkillable`).
pub fn reason(kind: &str, check: &str) -> Option<&'static str> {
    let exempt = |list: &'static [Exemption]| {
        let fits = |one: &&Exemption| WildMatch::new(&one.check).matches(check);
        list.iter().find(fits).map(|one| one.because.as_str())
    };
    exempt(list(kind))
}

/// The exemptions that no check of these needs.
pub fn needless(kind: &str, checks: &[&str]) -> Vec<&'static str> {
    let needed = |one: &&Exemption| {
        let pattern = WildMatch::new(&one.check);
        !checks.iter().any(|check| pattern.matches(check))
    };
    list(kind).iter().filter(needed).map(|one| one.check.as_str()).collect()
}
