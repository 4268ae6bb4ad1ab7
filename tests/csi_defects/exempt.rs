//! The checks that no defect can make fail here, each with the reason: `tests/defects/csi/exempt.toml`.

use std::sync::OnceLock;

use serde::Deserialize;
use wildmatch::WildMatch;

use crate::stand::folder;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    unkillable: Vec<Exemption>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exemption {
    check: String,
    because: String,
}

fn list() -> &'static [Exemption] {
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| {
            let text = std::fs::read_to_string(folder("defects/csi/exempt.toml"));
            toml::from_str(&text.expect("exempt.toml is committed")).expect("a sound exempt.toml")
        })
        .unkillable
}

/// Why a check is exempt.
pub fn reason(check: &str) -> Option<&'static str> {
    let fits = |one: &&Exemption| WildMatch::new(&one.check).matches(check);
    list().iter().find(fits).map(|one| one.because.as_str())
}

/// The exemptions that no check of these needs.
pub fn needless(checks: &[&str]) -> Vec<&'static str> {
    let needed = |one: &&Exemption| {
        let pattern = WildMatch::new(&one.check);
        !checks.iter().any(|check| pattern.matches(check))
    };
    list().iter().filter(needed).map(|one| one.check.as_str()).collect()
}
