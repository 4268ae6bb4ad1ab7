//! What is built in: without a mistake, and TOML 1.0 by another parser than ours.

use std::path::{Path, PathBuf};

use crate::harness::Bench;

fn suite_files() -> Vec<PathBuf> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder)
            .expect("it is in the repository")
            .map(|entry| entry.expect("readable").path())
            .collect()
    };
    entries(&suites)
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|folder| entries(folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect()
}

#[test]
fn has_no_mistake() {
    let bench = Bench::new();
    let told = bench.stdcheck(["lint", "cri"]);
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains(": no mistakes in "), "{}", told.stdout);
}

#[test]
fn is_the_same_from_its_folder() {
    let bench = Bench::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/cri").display().to_string();
    let lists = [&["list", "cri"][..], &["list", "cri", "--suite", &folder]]
        .map(|arguments| bench.stdcheck(arguments));
    assert_eq!(lists[0].code, 0);
    assert_eq!(lists[0].stdout, lists[1].stdout);
}

#[test]
fn is_toml_1_0() {
    let files = suite_files();
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).expect("text");
        // Of its own making, and older than TOML 1.1.
        let parsed: Result<serde_json::Value, _> = basic_toml::from_str(&text);
        assert!(parsed.is_ok(), "{}: {}", path.display(), parsed.unwrap_err());
    }
}

/// What TOML 1.1 has beyond 1.0 is refused by the parser that looks after the suites.
#[test]
fn would_not_pass_with_what_is_newer() {
    for newer in ["a = {\n  b = 1,\n}\n", "a = \"\\e\"\n", "a = \"\\x41\"\n", "a = { b = 1, }\n"] {
        assert!(basic_toml::from_str::<serde_json::Value>(newer).is_err(), "{newer}");
    }
}
