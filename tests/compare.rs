//! `stdcheck compare` on two small reports: the pages, and that they hold nothing of one run alone.

#[path = "harness/mod.rs"]
mod harness;
#[path = "reports/sample.rs"]
mod sample;

use std::path::Path;

use harness::Bench;
use stdcheck::{
    compare::{Change, Comparison, Notes, Report, markdown, read, terminal},
    events::Event,
    report::{Gate, Reports},
};

fn report(name: &str) -> (String, Report) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare").join(name);
    (name.to_owned(), read(&path).unwrap())
}

fn comparison(names: &[&str]) -> Comparison {
    Comparison::of(names.iter().map(|name| report(name)).collect()).unwrap()
}

fn notes() -> Notes {
    Notes::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare/notes.toml")).unwrap()
}

#[test]
fn markdown_tells_every_finding() {
    insta::assert_snapshot!(markdown(&comparison(&["old.json", "new.json"]), &notes()));
}

#[test]
fn the_terminal_tells_what_differs() {
    insta::assert_snapshot!(terminal(&comparison(&["old.json", "new.json"]), &notes()));
}

#[test]
fn worse_and_better_change_places_with_the_reports() {
    let ids = |comparison: &Comparison, change| -> Vec<String> {
        comparison.changed(change).into_iter().map(|row| row.id.clone()).collect()
    };
    let forth = comparison(&["old.json", "new.json"]);
    let back = comparison(&["new.json", "old.json"]);
    assert_eq!(ids(&forth, Change::Worse), ["cri.create.stopped"]);
    assert_eq!(ids(&forth, Change::Better), ["cri.stop.removed"]);
    assert_eq!(ids(&back, Change::Worse), ids(&forth, Change::Better));
    assert_eq!(ids(&back, Change::Better), ids(&forth, Change::Worse));
    assert_eq!(ids(&back, Change::Other), ids(&forth, Change::Other));
}

#[test]
fn a_report_compared_with_itself_shows_no_difference_and_both_files() {
    let same = comparison(&["old.json", "old.json"]);
    assert_eq!(same.changed(Change::None).len(), same.checks.len());
    assert_eq!(same.targets[1].label, "runtimed 1.6.20~ds1 (old.json)");
}

#[test]
fn a_note_without_a_finding_is_named() {
    let comparison = comparison(&["old.json", "new.json"]);
    let notes = notes();
    let idle: Vec<&str> = notes.idle(&comparison).map(|note| note.of.as_str()).collect();
    assert_eq!(idle, ["CRI-XX-001"]);
}

#[test]
fn what_reports_hold_of_a_target_harms_nobody() {
    let bench = Bench::new();
    let write = |name: &str, events: Vec<Event>| {
        let path = bench.file(name);
        let spec = format!("json={}", path.display()).parse().unwrap();
        let mut reports = Reports::open(&[spec], None, Gate::default()).unwrap();
        events.into_iter().for_each(|event| reports.event(event));
        reports.finish();
        path.display().to_string()
    };
    let (old, new) = (write("old.json", sample::good()), write("new.json", sample::run(true)));
    for form in ["text", "markdown"] {
        let told = bench.stdcheck(["compare", &old, &new, "--format", form]);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        assert!(told.stdout.contains("CRI-SB-011"), "{}", told.stdout);
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!told.stdout.contains(harmful), "{}", told.stdout);
    }
}
