//! The comparison for people at a terminal: what is worse first.

use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::{Change, Comparison, Notes, Row};
use crate::{
    report::{shorten, wrap},
    verdict::Verdict,
};

/// Characters in a line of text.
const WIDTH: usize = 100;
/// The most characters of what was seen.
const MOST: usize = 300;

/// The page.
pub fn terminal(comparison: &Comparison, notes: &Notes) -> String {
    let mut page = lines(&summary(comparison));
    let [first, .., last] = comparison.targets.as_slice() else { return page };
    let (first, last) = (&first.label, &last.label);
    for (change, title) in [
        (Change::Worse, format!("Worse on {last} than on {first}")),
        (Change::Better, format!("Better on {last} than on {first}")),
        (Change::Other, "Different in another way".to_owned()),
    ] {
        let rows = comparison.changed(change);
        let _ = write!(page, "\n{title}: {}\n", checks(rows.len()));
        if rows.is_empty() {
            continue;
        }
        page.push_str(&lines(&table(comparison, &rows)));
        for row in rows {
            page.push_str(&findings(comparison, row, notes));
        }
    }
    let same = comparison.changed(Change::None);
    let broken = same.iter().filter(|row| row.findings().next().is_some()).count();
    let _ = write!(page, "\nThe same on all: {}", checks(same.len()));
    if broken > 0 {
        let _ = write!(page, ", of which {broken} find something on each");
    }
    page.push('\n');
    page
}

fn checks(count: usize) -> String {
    format!("{count} {}", if count == 1 { "check" } else { "checks" })
}

/// Numbers with a column for each target.
fn summary(comparison: &Comparison) -> Table {
    let mut table = empty_table(comparison, "TARGET");
    let mut add = |name: &str, of: &dyn Fn(usize) -> String| {
        let cells = (0..comparison.targets.len()).map(of);
        table.add_row(std::iter::once(name.to_owned()).chain(cells));
    };
    let targets = &comparison.targets;
    add("conclusion", &|at| targets[at].conclusion.to_string());
    for verdict in Verdict::ALL {
        add(&verdict.to_string(), &|at| comparison.count(at, verdict).to_string());
    }
    add("deaths", &|at| targets[at].deaths.to_string());
    add("judged by", &|at| format!("{} {}", comparison.standard, targets[at].api));
    add("by stdcheck", &|at| targets[at].stdcheck.clone());
    if targets.iter().any(|target| target.cut_short.is_some()) {
        add("cut short", &|at| {
            targets[at].cut_short.as_ref().map_or("no".to_owned(), |why| shorten(why, WIDTH))
        });
    }
    table
}

fn table(comparison: &Comparison, rows: &[&Row]) -> Table {
    let mut table = empty_table(comparison, "CHECK");
    for row in rows {
        table.add_row(std::iter::once(row.id.clone()).chain(row.words()));
    }
    table
}

/// Without the blanks that fill its last column.
fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn empty_table(comparison: &Comparison, what: &str) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let labels = comparison.targets.iter().map(|target| target.label.clone());
    table.set_header(std::iter::once(what.to_owned()).chain(labels));
    table
}

/// What a check found, target by target; nothing where it found nothing.
fn findings(comparison: &Comparison, row: &Row, notes: &Notes) -> String {
    let mut text = String::new();
    for code in row.codes() {
        let Some(requirement) = comparison.requirements.get(code) else { continue };
        let level = comparison.level(requirement);
        field(&mut text, "breaks", &format!("{code}, {level}, {}", requirement.section));
        field(&mut text, "", &requirement.says);
    }
    for (at, seen, finding) in row.findings() {
        let label = &comparison.targets[at].label;
        field(&mut text, &seen.verdict.to_string(), &format!("on {label}"));
        field(&mut text, "expected", &finding.expected);
        field(&mut text, "actual", &shorten(&finding.actual, MOST));
    }
    for note in notes.on(row) {
        field(&mut text, "by hand", &note.by_hand);
    }
    if text.is_empty() { text } else { format!("\n  {}\n{text}", row.id) }
}

fn field(page: &mut String, label: &str, text: &str) {
    const COLUMN: usize = 14;
    for (at, line) in wrap(text, WIDTH - COLUMN).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        let line = format!("    {label:width$}{line}", width = COLUMN - 4);
        let _ = writeln!(page, "{}", line.trim_end());
    }
}
