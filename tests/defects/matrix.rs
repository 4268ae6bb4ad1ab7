//! The matrix of defects and checks: run, told as text, and held against the committed one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use crate::{
    clean::clean,
    double::rule::{Difference, Gives, read_folder},
    exempt,
    stand::{Reported, asked_for_some, each, folder},
};

/// A check → the defects that it reports → the verdict.
type Rows = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn every_check_reports_a_defect_and_every_defect_is_reported() {
    if asked_for_some().is_some() {
        return;
    }
    let defects = read_folder(&folder("defects/cri")).unwrap_or_else(|why| panic!("{why}"));
    let mut reports = each(&defects, |one| clean().tried_with(one));
    // Some show only after calls of other checks.
    let silent: Vec<usize> =
        (0..defects.len()).filter(|&at| !mistakes(&defects[at], &reports[at]).is_empty()).collect();
    let again: Vec<Difference> = silent.iter().map(|&at| defects[at].clone()).collect();
    for (at, report) in silent.into_iter().zip(each(&again, |one| clean().touched_by(one))) {
        reports[at] = report;
    }
    let rows = rows(&defects, &reports);
    let mut wrong = Vec::new();
    for (defect, report) in defects.iter().zip(&reports) {
        wrong.extend(mistakes(defect, report));
    }
    wrong.extend(survivors(&rows));
    let text = text(&defects, &reports, &rows);
    wrong.extend(against_the_committed(&text));
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with a defect.
fn mistakes(defect: &Difference, report: &Reported) -> Vec<String> {
    let mut wrong = report.complaints.clone();
    let errors: Vec<String> =
        report.errors.iter().map(|(id, why)| format!("\n      {id}: {why}")).collect();
    let told = match defect.gives {
        Gives::Finding => !report.findings.is_empty(),
        Gives::Error => !report.errors.is_empty(),
    };
    if !told {
        wrong.push(format!("no check reports it; errors: {}", errors.concat()));
    }
    wrong.iter().map(|why| format!("  {}: {why}", defect.name)).collect()
}

/// The checks that no defect makes fail, and what is exempt without need.
fn survivors(rows: &Rows) -> Vec<String> {
    let survived: Vec<&str> = clean()
        .used
        .keys()
        .filter(|check| !rows.contains_key(*check))
        .map(String::as_str)
        .collect();
    let unexplained = survived.iter().filter(|check| exempt::reason("unkillable", check).is_none());
    unexplained
        .map(|check| format!("  {check}: no defect makes it fail"))
        .chain(
            exempt::needless("unkillable", &survived)
                .into_iter()
                .map(|check| format!("  {check}: exempt, and a defect makes it fail")),
        )
        .collect()
}

fn rows(defects: &[Difference], reports: &[Reported]) -> Rows {
    let mut rows = Rows::new();
    for (defect, report) in defects.iter().zip(reports) {
        for (check, finding) in &report.findings {
            let row = rows.entry(check.clone()).or_default();
            row.insert(defect.name.clone(), finding.verdict.clone());
        }
    }
    rows
}

fn text(defects: &[Difference], reports: &[Reported], rows: &Rows) -> String {
    let only = rows.values().filter(|row| row.len() == 1).count();
    let exempt: Vec<&String> =
        clean().used.keys().filter(|check| !rows.contains_key(*check)).collect();
    let mut text = format!(
        "Which check reports which seeded defect. Written by STDCHECK_BLESS=1 cargo test --test \
         defects\n\n{} defects\n{} checks and invariants, {} of them reported at least one defect\n\
         {only} checks are killed by only one defect\n",
        defects.len(),
        clean().used.len(),
        rows.keys().filter(|check| clean().used.contains_key(*check)).count()
    );
    text += "\n\n# Each defect, and the checks that report it\n";
    let mut section = "";
    for (defect, report) in defects.iter().zip(reports) {
        if defect.section != section {
            section = &defect.section;
            let _ = write!(text, "\n## {section}\n");
        }
        let _ = writeln!(text, "\n{}: {}", defect.name, defect.says);
        for (check, finding) in &report.findings {
            let _ = writeln!(text, "    {}  {check}", finding.verdict);
        }
        if defect.gives == Gives::Error {
            text += "    error, and nobody is accused\n";
        }
    }
    text += "\n\n# Each check, and the defects that it reports\n\n";
    for (check, row) in rows {
        let mark = if row.len() == 1 { "only one" } else { "" };
        let _ = writeln!(text, "{check}  {mark}");
        for (defect, verdict) in row {
            let _ = writeln!(text, "    {verdict}  {defect}");
        }
    }
    for check in exempt {
        let why = exempt::reason("unkillable", check).unwrap_or("nothing makes it fail");
        let _ = writeln!(text, "{check}\n    none: {why}");
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Whether the committed matrix is written anew.
pub fn blesses() -> bool {
    std::env::var("STDCHECK_BLESS").is_ok_and(|bless| bless == "1")
}

/// The checks that report a defect by the committed matrix; none where it does not have the defect.
pub fn committed(defect: &str) -> BTreeSet<String> {
    let committed = fs::read_to_string(folder("defects/cri/matrix.txt")).unwrap_or_default();
    let title = format!("{defect}: ");
    let after = committed.lines().skip_while(|line| !line.starts_with(&title)).skip(1);
    let findings = after.take_while(|line| line.starts_with("    "));
    findings.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

/// Holds the matrix against the committed one, or writes it anew.
fn against_the_committed(text: &str) -> Option<String> {
    let path = folder("defects/cri/matrix.txt");
    if blesses() {
        fs::write(&path, text).expect("the folder can be written to");
        return None;
    }
    // The whole product shows more than what is committed.
    if std::env::var("STDCHECK_MATRIX").is_ok_and(|how| how == "full") {
        return None;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // Who else reports a defect may hang on what runs beside: only what there is is compared.
    let [now, before]: [BTreeSet<&str>; 2] = [text, &committed].map(|text| {
        let titles = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        titles.map(|line| line.trim_end_matches("  only one")).collect()
    });
    if now == before {
        return None;
    }
    let mut told = "  matrix.txt differs; STDCHECK_BLESS=1 writes it anew:".to_owned();
    for (sign, lines) in [("-", before.difference(&now)), ("+", now.difference(&before))] {
        for line in lines.take(40) {
            let _ = write!(told, "\n    {sign} {line}");
        }
    }
    Some(told)
}
