//! `stdcheck coverage`: how much of a specification the suite covers, section by section.

use std::collections::BTreeSet;

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::common::{Format, Stop, SuiteArgs, print_json, print_line};
use crate::{
    suite::{expand, load::Suite},
    verdict::exit,
};

/// Show how much of a specification the suite covers
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Only this section: CRI-SB
    #[arg(long, value_name = "SECTION")]
    section: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Default, Serialize)]
struct Section {
    code: String,
    title: String,
    requirements: usize,
    /// At least one check or invariant.
    checked: Vec<String>,
    untestable: Vec<Reason>,
    permits: Vec<Reason>,
    /// No check yet.
    planned: Vec<String>,
}

#[derive(Serialize)]
struct Reason {
    code: String,
    why: String,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let suite = self.suite.load_sound()?;
        let mut sections = sections(&suite)?;
        if let Some(wanted) = &self.section {
            sections.retain(|section| section.code.eq_ignore_ascii_case(wanted));
            if sections.is_empty() {
                return Err(Stop::usage(format!("there is no section {wanted}")));
            }
        }
        match self.format {
            Format::Json => print_json(&sections),
            Format::Text => print(&sections),
        }
        Ok(exit::OK)
    }
}

fn sections(suite: &Suite) -> Result<Vec<Section>, Stop> {
    let checks = expand::checks(suite)
        .map_err(|mistakes| Stop::usage(crate::suite::diagnostic::Diagnostics(mistakes)))?;
    let mut cited: BTreeSet<&str> = BTreeSet::new();
    cited.extend(checks.iter().flat_map(|c| c.requires.iter().map(|code| code.as_ref().as_str())));
    for invariant in &suite.invariants {
        cited.extend(invariant.def.requires.iter().map(|code| code.as_ref().as_str()));
    }
    let mut sections: Vec<Section> = Vec::new();
    for requirement in &suite.requirements {
        let def = &requirement.def;
        let code = def.code.as_ref();
        let of = Suite::section_of(code);
        let at = match sections.iter().position(|section| section.code == of) {
            Some(at) => at,
            None => {
                let title = suite.sections.get(of).cloned().unwrap_or_default();
                sections.push(Section { code: of.to_owned(), title, ..Section::default() });
                sections.len() - 1
            }
        };
        let section = &mut sections[at];
        section.requirements += 1;
        if cited.contains(code.as_str()) {
            section.checked.push(code.clone());
        } else if let Some(why) = &def.untestable {
            section.untestable.push(Reason { code: code.clone(), why: why.clone() });
        } else if let Some(why) = &def.permits {
            section.permits.push(Reason { code: code.clone(), why: why.clone() });
        } else {
            section.planned.push(code.clone());
        }
    }
    sections.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(sections)
}

fn print(sections: &[Section]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "SECTION",
        "",
        "REQUIREMENTS",
        "CHECKED",
        "UNTESTABLE",
        "PERMITS",
        "WITHOUT A CHECK",
    ]);
    for column in 2..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut sums = [0; 5];
    for section in sections {
        let numbers = [
            section.requirements,
            section.checked.len(),
            section.untestable.len(),
            section.permits.len(),
            section.planned.len(),
        ];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        let mut row = vec![section.code.clone(), section.title.clone()];
        row.extend(numbers.map(|number| number.to_string()));
        table.add_row(row);
    }
    let mut row = vec!["all".to_owned(), String::new()];
    row.extend(sums.map(|sum| sum.to_string()));
    table.add_row(row);
    print_line(table);
    for section in sections {
        for Reason { code, why } in &section.untestable {
            print_line(format!("untestable  {code}: {why}"));
        }
    }
    for section in sections.iter().filter(|section| !section.planned.is_empty()) {
        print_line(format!("without a check  {}", section.planned.join(" ")));
    }
}
