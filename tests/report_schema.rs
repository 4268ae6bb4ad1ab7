//! Holds the committed schema of the JSON report against the code, and a report against the schema.
//! `STDCHECK_BLESS=1 cargo test --test report_schema` writes the schema anew.

#[path = "reports/refusing.rs"]
mod refusing;
#[path = "reports/sample.rs"]
mod sample;

use std::fs;
use std::path::Path;

use serde_json::Value;
use stdcheck::report::{Gate, ReportSpec, Reports, json};

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    let generated = format!("{:#}\n", json::schema());
    if std::env::var_os("STDCHECK_BLESS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, generated,
        "the JSON report changed: write the schema anew with STDCHECK_BLESS=1"
    );
}

#[test]
fn every_report_keeps_the_schema() {
    let validator = jsonschema::validator_for(&json::schema()).unwrap();
    let runs = [sample::run(false), sample::run(true), sample::good(), refusing::run(), Vec::new()];
    for events in runs {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.json");
        let spec: ReportSpec = format!("json={}", path.display()).parse().unwrap();
        let mut reports = Reports::open(&[spec], None, Gate::default()).unwrap();
        events.into_iter().for_each(|event| reports.event(event));
        reports.finish();
        let mut report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        report["surprise"] = true.into();
        assert!(!validator.is_valid(&report), "the schema names every field");
    }
}
