//! Reads profiles, from the binary or from a file of the user's.

use std::{path::Path, sync::Arc};

use include_dir::{Dir, include_dir};

use super::format::Profile;
use crate::suite::diagnostic::{Diagnostic, Diagnostics, SourceFile};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/suites/cni/profiles");

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile of that name.
    #[error("there is no built-in profile `{0}`; built-in: {1}")]
    Unknown(String, String),
    /// The user's file cannot be read.
    #[error("cannot read the profile {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Mistakes in the file.
    #[error("{0}")]
    Mistakes(Diagnostics),
}

/// The names of the profiles in the binary, sorted.
pub fn built_in_names() -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN
        .files()
        .filter_map(|file| file.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The profile of a plugin that is built into the binary.
///
/// # Errors
/// If there is none, or it has a mistake (which our own tests rule out).
pub fn built_in(name: &str) -> Result<Profile, ProfileError> {
    let file = format!("{name}.toml");
    let text = BUILT_IN
        .get_file(&file)
        .and_then(|file| file.contents_utf8())
        .ok_or_else(|| ProfileError::Unknown(name.to_owned(), built_in_names().join(", ")))?;
    parse(format!("suites/cni/profiles/{file}"), text.to_owned())
}

/// A profile of the user's.
///
/// # Errors
/// If the file cannot be read or has mistakes.
pub fn from_file(file: &Path) -> Result<Profile, ProfileError> {
    let path = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => parse(path, text),
        Err(error) => Err(ProfileError::File { path, error }),
    }
}

fn parse(path: String, text: String) -> Result<Profile, ProfileError> {
    let file = Arc::new(SourceFile { path, text });
    toml::from_str(&file.text).map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        let mistake = Diagnostic::new(&file, span, error.message().to_owned());
        ProfileError::Mistakes(Diagnostics(vec![mistake]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Kind, Previous, TamperName, Word};

    const SMALL: &str = "plugin = 'x'\ntitle = 'x'\nkind = 'chained'\n";

    /// What is said about a mistake, and where.
    fn mistake(text: &str) -> (String, (usize, usize)) {
        match parse("x.toml".to_owned(), text.to_owned()) {
            Err(ProfileError::Mistakes(mistakes)) => {
                (mistakes.0[0].message().to_owned(), mistakes.0[0].position())
            }
            other => panic!("no mistake: {other:?}"),
        }
    }

    #[test]
    fn every_built_in_profile_is_whole() {
        let names = built_in_names();
        assert_eq!(names.len(), 18);
        for name in names {
            let profile = built_in(&name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(profile.plugin, name);
            assert_ne!(profile.kind, Kind::Unknown);
            assert_eq!(profile.ifname.is_some(), profile.has(Word::FixedIfname), "{name}");
            assert_eq!(!profile.daemon.is_empty(), profile.has(Word::Daemon), "{name}");
            assert_eq!(profile.pool.is_some(), profile.has(Word::Pool), "{name}");
            for key in ["cniVersion", "name", "type", "prevResult", "runtimeConfig"] {
                assert!(!profile.config.contains_key(key), "{name} configures {key}");
            }
            if profile.kind == Kind::Chained {
                assert!(profile.previous.as_ref().is_some_and(|p| p.passed), "{name}");
            }
            assert!(!profile.bad.is_empty() || name == "loopback" || name == "dhcp", "{name}");
        }
    }

    #[test]
    fn what_a_profile_may_not_hold_is_told_with_its_place() {
        let (message, place) = mistake(&format!("{SMALL}colour = 'red'\nconfig = {{}}"));
        assert!(message.starts_with("unknown field `colour`"), "{message}");
        assert_eq!(place, (4, 1));
        let (message, place) = mistake(&format!("{SMALL}has = ['dns', 'mask']\nconfig = {{}}"));
        assert!(message.starts_with("unknown variant `mask`"), "{message}");
        assert_eq!(place, (4, 15));
    }

    #[test]
    fn a_tamper_has_what_it_needs_and_no_more() {
        let with = |tamper: &str| format!("{SMALL}config = {{}}\n[[tamper]]\n{tamper}");
        let (message, (line, _)) = mistake(&with("name = 'sysctl-reset'\nvalue = '0'"));
        assert_eq!(message, "the tamper `sysctl-reset` needs `sysctl`");
        assert!((4..=6).contains(&line), "{line}");
        let (message, _) = mistake(&with("name = 'link-down'\npath = '/x'"));
        assert_eq!(message, "the tamper `link-down` takes no `path`");
    }

    #[test]
    fn attachments_get_addresses_of_their_own() {
        let previous = Previous::default().numbered(7);
        assert_eq!(previous.addresses, ["10.124.7.2/24", "fd00:124:7::2/64"]);
        assert_eq!(previous.gateways[0], "10.124.7.1");
        assert_eq!(previous.routes, Previous::default().routes);
    }

    #[test]
    fn unknown_names_and_files_are_told() {
        let error = built_in("brigde").unwrap_err().to_string();
        assert!(
            error.starts_with("there is no built-in profile `brigde`; built-in: bandwidth, bri")
        );
        let error = from_file(Path::new("/nowhere/x.toml")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the profile /nowhere/x.toml: No such file"));
    }

    #[test]
    fn tampers_name_things_that_the_kind_has() {
        for name in built_in_names() {
            let profile = built_in(&name).unwrap();
            let has = |tamper, word| profile.tamper(tamper).is_none() || profile.has(word);
            assert!(has(TamperName::DaemonGone, Word::Daemon), "{name}");
            assert!(has(TamperName::ReservationGone, Word::Stateful), "{name}");
            assert!(has(TamperName::HostLinkDown, Word::HostSide), "{name}");
            assert!(has(TamperName::QdiscGone, Word::Shaping), "{name}");
            assert!(has(TamperName::PolicyRulesGone, Word::PolicyRouting), "{name}");
        }
    }
}
