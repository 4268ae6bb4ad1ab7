//! The matrix as text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use crate::{
    exempt,
    matrix::{Checks, Reported, blesses, is_known},
    shim::rule::Difference,
    stand::{folder, without_version},
};

/// A check → the defects that it reports → the verdict.
pub type Rows = BTreeMap<String, BTreeMap<String, String>>;

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
pub fn text(defects: &[Difference], reports: &[Reported], rows: &Rows, checks: &Checks) -> String {
    let Checks { seen, never, killed } = checks;
    let reporting: BTreeSet<String> = rows.keys().map(|id| without_version(id)).collect();
    let only = rows.values().filter(|row| row.len() == 1).count();
    let mut text = format!(
        "Which check reports which seeded defect. Written by STDCHECK_BLESS=1 STDCHECK_TEST_PEERS=1 \
         cargo test --test cni_defects\n\n{} defects\n{} checks and invariants have something to see \
         on a good plugin, {} of them reported at least one defect\n{} are skipped on all good plugins, \
         {} of them reported at least one defect\n{only} are killed by only one defect\n",
        defects.len(),
        seen.len(),
        seen.intersection(&reporting).count(),
        never.len(),
        never.intersection(&reporting).count()
    );
    text += "\n\n# Each defect, and the checks that report it\n";
    let mut topic = "";
    for (defect, report) in defects.iter().zip(reports) {
        if defect.topic != topic {
            topic = &defect.topic;
            let _ = write!(text, "\n## {topic}\n");
        }
        let Difference { name, says, plugin, spec, .. } = defect;
        let _ = writeln!(text, "\n{name} ({plugin}, {spec}): {says}");
        for (check, became) in &report.findings {
            let of = &became.of;
            let by = if of.is_empty() { String::new() } else { format!("  by {of}") };
            let _ = writeln!(text, "    {}  {check}{by}", became.verdict);
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
    for check in killed.difference(&reporting) {
        let _ = writeln!(text, "{check}\n    none: a good plugin has this fault itself");
    }
    for check in seen.difference(killed) {
        let why = exempt::reason("unkillable", check).unwrap_or("nothing makes it fail");
        let _ = writeln!(text, "{check}\n    none: {why}");
    }
    for check in never.difference(killed) {
        let why = exempt::reason("skip", check).unwrap_or("it is skipped on all good plugins");
        let _ = writeln!(text, "{check}\n    none: {why}");
    }
    text
}

/// What reports a defect by the committed matrix, and whose executions an invariant of these judges;
/// none where the matrix does not have the defect.
pub fn committed(defect: &str) -> BTreeSet<String> {
    let committed = fs::read_to_string(folder("defects/cni/matrix.txt")).unwrap_or_default();
    let title = format!("{defect} (");
    let after = committed.lines().skip_while(|line| !line.starts_with(&title)).skip(1);
    let findings = after.take_while(|line| line.starts_with("    "));
    findings
        .flat_map(|line| line.split("  ").skip(3))
        .map(|word| word.strip_prefix("by ").unwrap_or(word).to_owned())
        .collect()
}

/// A finding without whose execution it was.
fn without_carrier(line: &str) -> &str {
    line.split_once("  by ").map_or(line, |(finding, _)| finding)
}

/// Holds the matrix against the committed one, or writes it anew.
pub fn against_the_committed(text: &str) -> Option<String> {
    let path = folder("defects/cni/matrix.txt");
    if blesses() {
        fs::write(&path, text).expect("the folder can be written to");
        return None;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // Whose execution an invariant saw first hangs on what else was tried, and that is little here.
    let told = |line| if is_known() { without_carrier(line) } else { line };
    let [now, before]: [Vec<&str>; 2] =
        [text, &committed].map(|text| text.lines().map(told).collect());
    if now == before {
        return None;
    }
    let [now, before]: [BTreeSet<&str>; 2] = [now, before].map(BTreeSet::from_iter);
    let mut told = "  matrix.txt differs; STDCHECK_BLESS=1 writes it anew:".to_owned();
    for (sign, lines) in [("-", before.difference(&now)), ("+", now.difference(&before))] {
        for line in lines.take(40) {
            let _ = write!(told, "\n    {sign} {line}");
        }
    }
    Some(told)
}
