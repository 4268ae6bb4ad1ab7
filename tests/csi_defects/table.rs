//! The matrix as text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use crate::{double::rule::Difference, exempt, matrix::Reported, stand::folder};

/// A check → the defects that it reports → the verdict.
pub type Rows = BTreeMap<String, BTreeMap<String, String>>;

fn path() -> PathBuf {
    folder("defects/csi/matrix.txt")
}

/// By check.
pub fn rows(defects: &[Difference], reports: &[Reported]) -> Rows {
    let mut rows = Rows::new();
    for (defect, report) in defects.iter().zip(reports) {
        for (check, became) in &report.findings {
            let row = rows.entry(check.clone()).or_default();
            row.insert(defect.name.clone(), became.verdict.clone());
        }
    }
    rows
}

/// All of it, for a reviewer.
pub fn text(
    defects: &[Difference],
    reports: &[Reported],
    rows: &Rows,
    seen: &BTreeSet<String>,
) -> String {
    let killed = seen.iter().filter(|id| rows.contains_key(*id)).count();
    let only = rows.values().filter(|row| row.len() == 1).count();
    let mut text = format!(
        "Which check reports which seeded defect. Written by STDCHECK_BLESS=1 cargo test --test \
         csi_defects\n\n{} defects\n{} checks and invariants pass on the honest driver, {killed} of \
         them report at least one defect\n{only} are killed by only one defect\n",
        defects.len(),
        seen.len(),
    );
    text += "\n\n# Each defect, and the checks that report it\n";
    let mut section = "";
    for (defect, report) in defects.iter().zip(reports) {
        if defect.section != section {
            section = &defect.section;
            let _ = write!(text, "\n## {section}\n");
        }
        let _ = writeln!(text, "\n{}: {}", defect.name, defect.says);
        for (check, became) in &report.findings {
            let during = match became.during == *check {
                true => String::new(),
                false => format!("  in {}", became.during),
            };
            let _ = writeln!(text, "    {}  {check}{during}", became.verdict);
        }
    }
    text += "\n\n# Each check, and the defects that it reports\n\n";
    for (check, row) in rows {
        let mark = if row.len() == 1 { "  only one" } else { "" };
        let _ = writeln!(text, "{check}{mark}");
        for (defect, verdict) in row {
            let _ = writeln!(text, "    {verdict}  {defect}");
        }
    }
    for check in seen.iter().filter(|id| !rows.contains_key(*id)) {
        let why = exempt::reason("unkillable", check).unwrap_or("nothing makes it fail");
        let _ = writeln!(text, "{check}\n    none: {why}");
    }
    text
}

/// What reports a defect by the committed matrix, and the checks during which invariants saw it; none
/// where the matrix does not have the defect.
pub fn committed(defect: &str) -> Option<BTreeSet<String>> {
    let committed = fs::read_to_string(path()).unwrap_or_default();
    let title = format!("{defect}: ");
    let mut lines = committed.lines().skip_while(|line| !line.starts_with(&title));
    lines.next()?;
    let findings = lines.take_while(|line| line.starts_with("    "));
    Some(
        findings
            .flat_map(|line| line.trim_start().split("  ").skip(1))
            .map(|word| word.strip_prefix("in ").unwrap_or(word).to_owned())
            .collect(),
    )
}

/// Writes the matrix anew. It is not held against the committed one line by line: which further checks
/// see a defect may hang on the order in which they run, and what must stay is that each is seen.
pub fn write(text: &str) {
    fs::write(path(), text).expect("the folder can be written to");
}
