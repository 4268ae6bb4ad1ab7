//! Reads every report of a run as strictly as anybody could.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::harness::{Bench, Told};

/// Everything that a run wrote.
#[derive(Debug)]
pub struct Written {
    /// How it ended.
    pub told: Told,
    /// The JUnit report.
    pub junit: PathBuf,
}

/// Runs `stdcheck cri` with all reports, in colour, and holds each to its form.
pub fn run(bench: &Bench, socket: &Path, arguments: &[&str]) -> Written {
    let junit = bench.file("out.xml");
    let logs = bench.file("logs");
    let (report, log_dir) =
        (format!("junit={}", junit.display()), format!("--log-dir={}", logs.display()));
    let more = [&["--report", &report, &log_dir], arguments].concat();
    let mut command = bench.command(bench.cri_arguments(socket, &more));
    // Where colours are wanted nobody takes escapes out again: what is there, we let through.
    command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    let output = command.output().expect("stdcheck can be run");
    assert!(output.status.code().is_some(), "it crashed: {output:?}");
    let mut told = Told::of(&output);
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = std::str::from_utf8(bytes).expect("what we print is UTF-8");
        harmless(name, &without_colours(text));
    }
    assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
    let json = bench.file("out.json");
    let text = std::fs::read_to_string(&json).expect("there is a JSON report, in UTF-8");
    harmless("JSON", &text);
    told.report = bench.report();
    let mistakes: Vec<String> =
        schema().iter_errors(&told.report).map(|error| error.to_string()).collect();
    assert_eq!(mistakes, Vec::<String>::new());
    let text = std::fs::read_to_string(&junit).expect("there is a JUnit report, in UTF-8");
    harmless("JUnit", &text);
    let cases = text.matches("<testcase name=").count();
    let of_the_run = text.matches("<testcase name=\"cri.run.").count();
    assert_eq!(cases - of_the_run, told.checks().len(), "each check has its case");
    for entry in std::fs::read_dir(&logs).expect("there is a log folder") {
        let path = entry.expect("it can be read").path();
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        harmless(&path.display().to_string(), &text);
    }
    Written { told, junit }
}

/// Holds JUnit reports to the schema, all in one go.
pub fn validate_junit(reports: &[PathBuf]) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/junit.xsd");
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .args(reports)
        .output()
        .expect("xmllint is there (Debian: libxml2-utils)");
    let told = String::from_utf8_lossy(&output.stderr);
    let wrong: Vec<&str> = told.lines().filter(|line| !line.ends_with(" validates")).collect();
    assert!(output.status.success(), "{}", wrong.join("\n"));
    assert_eq!(told.lines().count(), reports.len(), "{told}");
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json"))
            .expect("our schema is JSON");
        jsonschema::validator_for(&schema).expect("it is a schema")
    })
}

/// The text without what sets a colour or a weight; other escapes stay.
fn without_colours(text: &str) -> String {
    let colour = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a constant");
    colour.replace_all(text, "").into_owned()
}

/// Nothing in it can do something to a terminal or deceive a reader.
fn harmless(name: &str, text: &str) {
    let harmful = text.char_indices().find(|(_, c)| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(*c as u32, 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(*c as u32, 0xfeff | 0xfffe | 0xffff | 0xad | 0xe0000..=0xe007f)
    });
    if let Some((at, c)) = harmful {
        let around: String = text[..at].chars().rev().take(60).collect();
        let around: String = around.chars().rev().collect();
        panic!("{name} has {c:?} after …{around:?}");
    }
}
