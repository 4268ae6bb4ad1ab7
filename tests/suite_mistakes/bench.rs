//! Makes one mistake in a small sound suite and looks at what `stdcheck lint` says of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::Bench;

/// `suite.toml` and `pods.toml` of the small suite.
const SMALL: [(&str, &str); 2] =
    [(SUITE, include_str!("small/suite.toml")), (PODS, include_str!("small/pods.toml"))];
/// The file with the vocabulary.
pub const SUITE: &str = "suite.toml";
/// The file with requirements and checks.
pub const PODS: &str = "pods.toml";

/// One mistake.
pub struct Mistake {
    /// The file that it is made in.
    pub file: &'static str,
    /// What stands there in the sound suite.
    pub sound: &'static str,
    /// What stands there instead. `»` is where the mistake is told; without one, at the beginning of
    /// the file.
    pub wrong: &'static str,
    /// What is told; with `…` at its end, the beginning of it.
    pub says: &'static str,
}

/// A short way to write a table of them.
pub const fn mistake(
    file: &'static str,
    sound: &'static str,
    wrong: &'static str,
    says: &'static str,
) -> Mistake {
    Mistake { file, sound, wrong, says }
}

/// Each mistake is the only one that is told of its suite, at its place.
pub fn are_told(mistakes: &[Mistake]) {
    let bench = Bench::new();
    let mut wrong = Vec::new();
    for mistake in mistakes {
        if let Err(why) = is_told(&bench, mistake) {
            wrong.push(format!("`{}`\n  {why}", mistake.wrong));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mistakes.len(), wrong.join("\n"));
}

/// Each mistake is told at its place, among others that follow from it.
pub fn are_told_among_others(mistakes: &[Mistake]) {
    let bench = Bench::new();
    for mistake in mistakes {
        let (lines, expected) = lines(&bench, mistake).expect("a list of mistakes");
        assert!(lines.len() > 1, "it stands alone now: {expected}");
        assert!(lines.contains(&expected), "expected {expected}, saw {lines:#?}");
    }
}

fn is_told(bench: &Bench, mistake: &Mistake) -> Result<(), String> {
    let (lines, expected) = lines(bench, mistake)?;
    let holds = match (lines.as_slice(), expected.strip_suffix('…')) {
        ([only], Some(start)) => only.starts_with(start),
        ([only], None) => *only == expected,
        _ => false,
    };
    if holds {
        return Ok(());
    }
    Err(format!("expected {expected}\n  saw      {}", lines.join("\n           ")))
}

/// What is told, and what should be.
fn lines(bench: &Bench, mistake: &Mistake) -> Result<(Vec<String>, String), String> {
    let (folder, place) = write(bench, mistake);
    let folder = folder.display().to_string();
    let told = bench.stdcheck(["lint", "--suite", &folder, "--format", "json"]);
    if told.code != 2 {
        return Err(format!("exit code {}", told.code));
    }
    let listed: Value = serde_json::from_str(&told.stdout)
        .map_err(|error| format!("no JSON ({error}): {}{}", told.stdout, told.stderr))?;
    let listed = listed.as_array().ok_or("no list")?;
    let lines: Vec<String> = listed
        .iter()
        .map(|one| {
            let file = Path::new(one["file"].as_str().unwrap_or_default());
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let message = one["message"].as_str().unwrap_or_default();
            format!("{name}:{}:{}: {message}", one["line"], one["column"])
        })
        .collect();
    let (line, column) = place;
    let expected = format!("{}:{line}:{column}: {}", mistake.file, mistake.says);
    Ok((lines, expected))
}

/// The small suite with a mistake in it, and the line and column of the mistake.
pub fn write(bench: &Bench, mistake: &Mistake) -> (PathBuf, (usize, usize)) {
    let folder = bench.file("suite");
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    let mut place = None;
    for (name, text) in SMALL {
        let mut text = text.to_owned();
        if name == mistake.file {
            assert_eq!(text.matches(mistake.sound).count(), 1, "not once: `{}`", mistake.sound);
            text = text.replacen(mistake.sound, mistake.wrong, 1);
            place = Some(text.find('»').map_or((1, 1), |at| {
                let before = &text[..at];
                let line_start = before.rfind('\n').map_or(0, |at| at + 1);
                (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
            }));
            text = text.replace('»', "");
        }
        std::fs::write(folder.join(name), text).expect("the folder is ours");
    }
    (folder, place.expect("a file of the suite"))
}

#[test]
fn without_a_mistake_the_small_suite_is_sound() {
    let bench = Bench::new();
    let nothing = mistake(PODS, "nobody does", "nobody does", "");
    let folder = write(&bench, &nothing).0.display().to_string();
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(
        told.stdout,
        "A small suite (cri 1.25 to 1.37): no mistakes in 7 requirements, 5 checks, 1 invariants\n"
    );
    let told = bench.stdcheck(["lint", "--suite", &folder, "--format", "json"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "[]\n"));
    let told = bench.stdcheck(["list", "--suite", &folder, "--format", "json"]);
    let list: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(7), "cases and the invariant are counted");
}

#[test]
fn people_are_shown_the_line() {
    let bench = Bench::new();
    for (mistake, help) in [
        (mistake(PODS, "SML-POD-001\"]\ngiven = \"st", "SML-POD-001\"]\ngven = \"st", ""), None),
        (mistake(SUITE, "version = \"v1\"", "verzion = \"v1\"", ""), Some("it has: version")),
    ] {
        let folder = write(&bench, &mistake).0.display().to_string();
        let told = bench.stdcheck(["lint", "--suite", &folder]);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.stdout.contains(&format!("{folder}/{}:", mistake.file)), "{}", told.stdout);
        let line = mistake.wrong.lines().last().expect("a line");
        assert!(told.stdout.contains(line), "{}", told.stdout);
        assert!(told.stdout.contains("1 mistake in suite files"), "{}", told.stdout);
        assert!(help.is_none_or(|help| told.stdout.contains(help)), "{}", told.stdout);
    }
}

#[test]
fn other_commands_refuse_the_suite() {
    let bench = Bench::new();
    // One of its form, and one that lint alone sees.
    for (sound, wrong) in [("code = \"OK\"", "kode = \"OK\""), ("code = \"OK\"", "code = \"FINE\"")]
    {
        let folder = write(&bench, &mistake(PODS, sound, wrong, "")).0.display().to_string();
        for command in
            [&["list"][..], &["explain", "SML-POD-001"], &["cri", "--dry-run"], &["coverage"]]
        {
            let told = bench.stdcheck([command, &["--suite", &folder]].concat());
            assert_eq!(told.code, 2, "{command:?}: {told:?}");
            assert!(told.stderr.starts_with("stdcheck: the suite has mistakes\n"), "{told:?}");
            assert!(told.stderr.contains(wrong), "{told:?}");
            assert_eq!(told.stdout, "");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let bench = Bench::new();
    let both = mistake(PODS, "code = \"OK\"", "code = \"FINE\", expect = [\"reply.x\"]", "");
    let folder = write(&bench, &both).0.display().to_string();
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    assert!(told.stdout.contains("there is no gRPC code `FINE`"), "{}", told.stdout);
    assert!(told.stdout.contains("has no field `x`"), "{}", told.stdout);
    assert!(told.stdout.contains("2 mistakes in suite files"), "{}", told.stdout);
}
