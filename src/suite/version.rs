//! Versions of a specification, and which implementation knows which.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// `major.minor` of a specification, or more parts where it has them; compared part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Vec<u32>);

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u32>, _> =
            text.trim_start_matches('v').split('.').map(str::parse).collect();
        parts
            .ok()
            .filter(|parts| parts.len() >= 2)
            .map(Version)
            .ok_or_else(|| format!("`{text}` is no version like `1.30`"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// `runtimes.toml`: name and version of an implementation → version of the specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimesFile {
    /// Known implementations.
    pub runtime: Vec<RuntimeDef>,
}

/// One implementation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeDef {
    /// The name that it gives itself.
    pub name: String,
    /// Its releases, oldest first.
    pub releases: Vec<ReleaseDef>,
}

/// From this release on, that version of the specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDef {
    /// First release, `major.minor`.
    pub from: String,
    /// What it knows.
    pub api: String,
}

impl RuntimesFile {
    /// The version of the specification that an implementation can know, where the table has it.
    /// `version` may be followed by anything (`v1.7.24~ds1-6`).
    pub fn api_of(&self, name: &str, version: &str) -> Option<Version> {
        let runtime = self.runtime.iter().find(|runtime| runtime.name == name)?;
        let numbers: Vec<u32> = version
            .trim_start_matches('v')
            .split(|c: char| !c.is_ascii_digit())
            .map_while(|part| part.parse().ok())
            .take(2)
            .collect();
        let release = Version(numbers);
        runtime
            .releases
            .iter()
            .filter(|row| row.from.parse::<Version>().is_ok_and(|from| from <= release))
            .filter_map(|row| row.api.parse().ok())
            .next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_knows_what_the_row_before_it_says() {
        let table: RuntimesFile = toml::from_str(
            "[[runtime]]\nname = 'x'\nreleases = [{ from = '1.6', api = '1.25' }, { from = '2.0', api = '1.31' }]",
        )
        .unwrap();
        let api = |version| table.api_of("x", version).map(|v| v.to_string());
        assert_eq!(api("v1.7.24~ds1-6+deb13u1").as_deref(), Some("1.25"));
        assert_eq!(api("1.6.20").as_deref(), Some("1.25"));
        assert_eq!(api("2.1.9").as_deref(), Some("1.31"));
        assert_eq!(api("1.5.0"), None);
        assert_eq!(table.api_of("y", "1.6"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert!(v("1.9") < v("1.10"));
        assert!("one".parse::<Version>().is_err());
    }
}
