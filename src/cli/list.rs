//! `stdcheck list`: the checks of a suite, as a run would plan them.

use clap::Parser;
use comfy_table::{Table, presets};
use serde::Serialize;

use super::common::{Format, Stop, SuiteArgs, print_json, print_line};
use crate::{
    plan::{self, Plan, Wanted, select::Selector},
    suite::version::Version,
    verdict::exit,
};

/// List the checks of a suite, as a run would plan them
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Only these checks (see `stdcheck cri --help`)
    #[arg(long, value_name = "EXPR")]
    select: Vec<String>,
    /// Judge by this version of the specification
    #[arg(long, value_name = "VERSION")]
    api: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    requires: Vec<String>,
    level: String,
    basis: String,
    needs: Vec<String>,
    skip: Option<String>,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let suite = self.suite.load_sound()?;
        let wanted = Wanted {
            select: parse_selectors(&self.select)?,
            api: parse_api(self.api.as_ref())?,
            crash_allowed: true,
            ..Wanted::default()
        };
        let plan = plan::plan(&suite, &wanted).map_err(Stop::usage)?;
        let rows = rows(&plan);
        match self.format {
            Format::Json => print_json(&rows),
            Format::Text => print(&rows),
        }
        Ok(if rows.is_empty() { exit::NOTHING_SELECTED } else { exit::OK })
    }
}

/// `--select` as given, parsed.
pub fn parse_selectors(texts: &[String]) -> Result<Vec<Selector>, Stop> {
    texts
        .iter()
        .map(|text| text.parse().map_err(|error| Stop::usage(format!("--select: {error}"))))
        .collect()
}

/// `--api` as given, parsed.
pub fn parse_api(text: Option<&String>) -> Result<Option<Version>, Stop> {
    text.map(|text| text.parse().map_err(|error| Stop::usage(format!("--api: {error}"))))
        .transpose()
}

fn rows(plan: &Plan) -> Vec<Row> {
    let checks = plan.checks.iter().map(|planned| Row {
        id: planned.check.id.clone(),
        title: planned.check.title.clone(),
        requires: planned.requires.iter().map(|cited| cited.code.clone()).collect(),
        level: planned.requires.first().map(|cited| cited.level.to_string()).unwrap_or_default(),
        basis: planned.requires.first().map(|cited| cited.basis.to_string()).unwrap_or_default(),
        needs: planned.check.needs.clone(),
        skip: planned.skip.as_ref().map(|(_, why)| why.clone()),
    });
    let invariants = plan.invariants.iter().map(|planned| Row {
        id: planned.id.clone(),
        title: planned.source.def.title.clone(),
        requires: planned.requires.iter().map(|cited| cited.code.clone()).collect(),
        level: planned.requires.first().map(|cited| cited.level.to_string()).unwrap_or_default(),
        basis: planned.requires.first().map(|cited| cited.basis.to_string()).unwrap_or_default(),
        needs: planned.source.def.needs.iter().map(|need| need.as_ref().clone()).collect(),
        skip: planned.skip.as_ref().map(|(_, why)| why.clone()),
    });
    checks.chain(invariants).collect()
}

fn print(rows: &[Row]) {
    if rows.is_empty() {
        print_line("no check is selected");
        return;
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["CHECK", "LEVEL", "BASIS", "REQUIRES"]);
    for row in rows {
        table.add_row([&row.id, &row.level, &row.basis, &row.requires.join(" ")]);
    }
    print_line(table);
    print_line(format!("{} checks", rows.len()));
}
