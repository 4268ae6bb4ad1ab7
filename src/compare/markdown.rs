//! The comparison as a page of Markdown: every finding with its sentence, what was expected and seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{Change, Comparison, Notes, Row, Seen};
use crate::{events::DIED, report::shorten, verdict::Verdict};

/// The most characters of what was seen.
const MOST: usize = 300;

/// The page.
pub fn markdown(comparison: &Comparison, notes: &Notes) -> String {
    let page = Page { comparison, notes };
    [page.targets(), page.findings(), page.differences(), page.unjudged()].concat()
}

struct Page<'a> {
    comparison: &'a Comparison,
    notes: &'a Notes,
}

impl Page<'_> {
    fn targets(&self) -> String {
        let targets = &self.comparison.targets;
        let mut page = format!("## Targets\n\n{}", self.header(""));
        let mut add = |name: &str, of: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = (0..targets.len()).map(of).collect();
            page.push_str(&table_row(name, &cells));
        };
        add("conclusion", &|at| format!("**{}**", targets[at].conclusion));
        for verdict in Verdict::ALL {
            let name = verdict.to_string();
            add(&name, &|at| self.comparison.count(at, verdict).to_string());
        }
        add("deaths of the target", &|at| targets[at].deaths.to_string());
        add("judged by", &|at| {
            format!("{} {}", self.comparison.standard, escape(&targets[at].api))
        });
        add("by stdcheck", &|at| escape(&targets[at].stdcheck));
        if targets.iter().any(|target| target.cut_short.is_some()) {
            add("cut short", &|at| targets[at].cut_short.as_deref().map_or("no".into(), escape));
        }
        page
    }

    /// Findings by what they break, failures first.
    fn findings(&self) -> String {
        let mut groups: BTreeMap<Vec<&str>, Vec<&Row>> = BTreeMap::new();
        for row in self.comparison.checks.iter().filter(|row| row.findings().next().is_some()) {
            groups.entry(row.codes()).or_default().push(row);
        }
        let mut groups: Vec<(Vec<&str>, Vec<&Row>)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, rows)| {
            std::cmp::Reverse(rows.iter().filter_map(|row| row.worst()).max())
        });
        let mut page = "\n## Findings\n\n".to_owned();
        if groups.is_empty() {
            page.push_str("None.\n");
            return page;
        }
        page.push_str(&self.header("breaks"));
        for (codes, rows) in &groups {
            let name = format!("[{}](#{})", codes.join(", "), anchor(codes));
            page.push_str(&table_row(&name, &self.worst_of(rows)));
        }
        for (codes, rows) in &groups {
            page.push_str(&self.finding(codes, rows));
        }
        page
    }

    /// The gravest of some checks, by target.
    fn worst_of(&self, rows: &[&Row]) -> Vec<String> {
        let worst = |at: usize| {
            rows.iter().filter_map(|row| row.seen[at].as_ref()).max_by_key(|it| it.gravity())
        };
        (0..self.comparison.targets.len()).map(|at| cell(worst(at))).collect()
    }

    fn finding(&self, codes: &[&str], rows: &[&Row]) -> String {
        let mut page = format!("\n### {}\n", codes.join(", "));
        for code in codes {
            let Some(requirement) = self.comparison.requirements.get(*code) else { continue };
            let level = self.comparison.level(requirement);
            let which = if codes.len() > 1 { format!("{code}, ") } else { String::new() };
            let (section, says) = (escape(&requirement.section), escape(&requirement.says));
            let _ = write!(page, "\n{which}{}, {section}:\n\n> {says}\n", escape(&level));
            if let Some(because) = &requirement.cap {
                let _ = write!(page, "\nA warning at most: {}.\n", escape(because));
            }
        }
        let died =
            |row: &&Row| row.findings().any(|(_, _, finding)| finding.actual.starts_with(DIED));
        if rows.iter().any(died) {
            page.push_str("\nThe target died of it, which is a failure whatever the level.\n");
        }
        page.push('\n');
        page.push_str(&self.header("check"));
        for row in rows {
            let cells: Vec<String> = row.seen.iter().map(|seen| cell(seen.as_ref())).collect();
            page.push_str(&table_row(&code(&row.id), &cells));
        }
        page.push('\n');
        for (expected, seen) in told(rows) {
            let _ = writeln!(page, "- Expected: {}", code(expected));
            for (actual, on) in seen {
                let labels: Vec<String> = on.into_iter().map(|at| self.label(at)).collect();
                let actual = code(&shorten(actual, MOST));
                let _ = writeln!(page, "  - seen on {}: {actual}", labels.join(", "));
            }
        }
        let mut notes: Vec<&str> = Vec::new();
        for note in rows.iter().flat_map(|row| self.notes.on(row)) {
            if !notes.contains(&note.by_hand.as_str()) {
                notes.push(&note.by_hand);
            }
        }
        match notes.as_slice() {
            [] => page.push_str("- Not repeated by hand yet.\n"),
            notes => notes.iter().for_each(|note| {
                let _ = writeln!(page, "- By hand: {}", lines(note));
            }),
        }
        page
    }

    /// Verdicts that differ without anything being broken: mostly what one of them does not have.
    fn differences(&self) -> String {
        let rows = &self.comparison.checks;
        let differ = |row: &&Row| row.change() != Change::None && row.findings().next().is_none();
        let rows: Vec<&Row> = rows.iter().filter(differ).collect();
        let mut page = "\n## Other differences\n\n".to_owned();
        if rows.is_empty() {
            page.push_str("None.\n");
            return page;
        }
        page.push_str("Nothing is broken here; something was not judged everywhere.\n\n");
        page.push_str(&self.header("check"));
        for row in rows {
            let cells: Vec<String> = row.seen.iter().map(|seen| cell(seen.as_ref())).collect();
            page.push_str(&table_row(&code(&row.id), &cells));
        }
        page
    }

    /// What no report judges: nobody should take that for kept.
    fn unjudged(&self) -> String {
        let is_skip = |seen: &Seen| seen.verdict == Verdict::Skip;
        let nowhere = |row: &&Row| row.seen.iter().flatten().all(is_skip);
        let rows: Vec<&Row> = self.comparison.checks.iter().filter(nowhere).collect();
        let mut page = "\n## Not judged on any target\n\n".to_owned();
        if rows.is_empty() {
            page.push_str("None.\n");
            return page;
        }
        page.push_str("| check | | why |\n|---|---|---|\n");
        for row in rows {
            // The newest target's word.
            let Some(seen) = row.seen.iter().rev().flatten().next() else { continue };
            let why = escape(&shorten(&seen.reason, MOST));
            page.push_str(&table_row(&code(&row.id), &[seen.word(), why]));
        }
        page
    }

    fn header(&self, first: &str) -> String {
        let labels: Vec<String> =
            (0..self.comparison.targets.len()).map(|at| self.label(at)).collect();
        let rule = "|---".repeat(labels.len() + 1);
        format!("{}{rule}|\n", table_row(first, &labels))
    }

    fn label(&self, at: usize) -> String {
        escape(&self.comparison.targets[at].label)
    }
}

/// What was seen, and on which targets.
type Sights<'a> = Vec<(&'a str, BTreeSet<usize>)>;

/// What was expected, and for each what was seen, in the order of the targets. What several checks or
/// targets have in common is said once.
fn told<'a>(rows: &[&'a Row]) -> BTreeMap<&'a str, Sights<'a>> {
    let mut told: BTreeMap<&str, Sights<'_>> = BTreeMap::new();
    for (at, _, finding) in rows.iter().flat_map(|row| row.findings()) {
        let sights = told.entry(&finding.expected).or_default();
        match sights.iter_mut().find(|(actual, _)| *actual == finding.actual) {
            Some((_, on)) => _ = on.insert(at),
            None => sights.push((&finding.actual, BTreeSet::from([at]))),
        }
    }
    told.values_mut().for_each(|sights| sights.sort_by_key(|(_, on)| on.first().copied()));
    told
}

/// A verdict; what is broken stands out.
fn cell(seen: Option<&Seen>) -> String {
    match seen {
        None => "–".to_owned(),
        Some(seen) if seen.gravity() > 0 => format!("**{}**", seen.word()),
        Some(seen) => seen.word(),
    }
}

fn table_row(first: &str, cells: &[String]) -> String {
    let cells = std::iter::once(first).chain(cells.iter().map(String::as_str));
    // A bar would end the cell even inside code.
    let cells: Vec<String> =
        cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The anchor that GitHub and others give to a heading of codes.
fn anchor(codes: &[&str]) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | ' ');
    codes
        .join(", ")
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Text as it is, whatever it holds. What stands between backticks is code already.
fn escape(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let paired = text.matches('`').count() % 2 == 0;
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '`' if paired => inside = !inside,
            '\\' | '`' | '*' | '<' | '[' | '~' if !inside => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Lines of Markdown that somebody wrote, as the inside of one item of a list.
fn lines(text: &str) -> String {
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n  ")
}

/// Text as code, whatever it holds.
fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if longest > 0 { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escape("a *b* <i> [x](y)\nz"), r"a \*b\* \<i> \[x](y) z");
        assert_eq!(escape("its `v*rsion` field"), "its `v*rsion` field");
        assert_eq!(escape("one ` alone"), r"one \` alone");
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("x == 'y'"), "`x == 'y'`");
        assert_eq!(code("a ``b` c"), "``` a ``b` c ```");
    }

    #[test]
    fn a_cell_stays_a_cell() {
        assert_eq!(table_row("a|b", &["c\nd".to_owned()]), "| a\\|b | c d |\n");
    }

    #[test]
    fn anchors_are_those_of_the_headings() {
        assert_eq!(anchor(&["CRI-SB-012", "CRI-SB-012D"]), "cri-sb-012-cri-sb-012d");
    }
}
