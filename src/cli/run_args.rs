//! Flags that every checking command has: what is checked, how it runs, what it tells.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    common::{Stop, load_sound, print_line},
    list::{parse_api, parse_selectors},
};
use crate::{
    plan::{self, Plan, Wanted, waiver},
    report::{Gate, ReportSpec, Reports},
    suite::load::Suite,
    verdict::exit,
};

/// What is checked, how it runs, what it tells.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Only the checks that fit; repeated: one of them must fit
    #[arg(long, value_name = "EXPR", help_heading = "What is checked")]
    pub select: Vec<String>,
    /// Take the suite from this folder instead of the built-in one
    #[arg(long, value_name = "DIR", help_heading = "What is checked")]
    pub suite: Option<PathBuf>,
    /// Show what would be run, without touching the target
    #[arg(long, help_heading = "What is checked")]
    pub dry_run: bool,
    /// Checks side by side
    #[arg(short = 'j', long, value_name = "N", default_value_t = 4, help_heading = "How it runs",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub jobs: usize,
    /// End at the first failure
    #[arg(long, help_heading = "How it runs")]
    pub fail_fast: bool,
    /// A step's deadline, where the suite names none [default: 60s, and 10s for an execution of a
    /// plugin]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    pub step_timeout: Option<Duration>,
    /// A check's time-out, where the suite names none
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    pub check_timeout: Duration,
    /// The whole run's time-out
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    pub timeout: Option<Duration>,
    /// Write a report: junit=FILE or json=FILE; may be repeated
    #[arg(long, value_name = "KIND=FILE", help_heading = "What it tells")]
    pub report: Vec<ReportSpec>,
    /// Write the exchanges of every finding into this folder
    #[arg(long, value_name = "DIR", help_heading = "What it tells")]
    pub log_dir: Option<PathBuf>,
    /// Warnings fail the run too
    #[arg(long, help_heading = "What it tells")]
    pub strict: bool,
    /// Exit with 5 where a MUST that applies was not checked
    #[arg(long, value_name = "partial", value_parser = ["partial"], help_heading = "What it tells")]
    pub deny: Option<String>,
    /// Findings that are accepted until a date
    #[arg(long, value_name = "FILE", help_heading = "What it tells")]
    pub waivers: Option<PathBuf>,
}

impl CheckArgs {
    /// The suite, linted if it is the user's own.
    pub fn load(&self, standard: &str) -> Result<Arc<Suite>, Stop> {
        load_sound(standard, self.suite.as_ref())
    }

    /// What is asked for, before the target is known.
    pub fn wanted(&self, suite: &Suite, api: Option<&String>) -> Result<Wanted, Stop> {
        let wanted = Wanted {
            select: parse_selectors(&self.select)?,
            api: parse_api(api)?,
            ..Wanted::default()
        };
        if let Some(api) = &wanted.api
            && (*api < suite.versions.0 || *api > suite.versions.1)
        {
            return Err(Stop::usage(format!(
                "--api {api}: the suite judges by {} to {}",
                suite.versions.0, suite.versions.1
            )));
        }
        Ok(wanted)
    }

    /// Waivers, and the reports, opened.
    pub fn open(&self) -> Result<(Vec<waiver::Waiver>, Reports), Stop> {
        let waivers = self.open_waivers()?;
        let reports = Reports::open(&self.report, self.log_dir.as_deref(), self.gate());
        Ok((waivers, reports.map_err(Stop::usage)?))
    }

    /// Waivers alone.
    pub fn open_waivers(&self) -> Result<Vec<waiver::Waiver>, Stop> {
        match &self.waivers {
            Some(path) => waiver::read(path).map_err(Stop::usage),
            None => Ok(Vec::new()),
        }
    }

    /// What fails the build.
    pub fn gate(&self) -> Gate {
        Gate { strict: self.strict, deny_partial: self.deny.is_some() }
    }
}

/// Ends the command where a plan is empty.
pub fn not_empty(plan: &Plan) -> Result<(), Stop> {
    if plan.checks.is_empty() && plan.invariants.is_empty() {
        return Err(Stop {
            message: format!(
                "no check is selected; `stdcheck list {}` shows them all",
                plan.suite.standard
            ),
            code: exit::NOTHING_SELECTED,
        });
    }
    Ok(())
}

/// The plan, which selects something.
pub fn plan(suite: &Arc<Suite>, wanted: &Wanted) -> Result<Plan, Stop> {
    let plan = plan::plan(suite, wanted).map_err(Stop::usage)?;
    not_empty(&plan)?;
    Ok(plan)
}

/// Prints what would be run.
pub fn dry_run(plan: &Plan) {
    for planned in &plan.checks {
        let what = match &planned.skip {
            Some((kind, why)) => format!("skip ({kind}: {why})"),
            None if planned.check.needs.is_empty() => "run".to_owned(),
            None => format!("run if {}", planned.check.needs.join(", ")),
        };
        print_line(format!("{}  {what}", planned.check.id));
    }
    for invariant in &plan.invariants {
        print_line(format!("{}  watch", invariant.id));
    }
    let total = plan.checks.len() + plan.invariants.len();
    print_line(format!("{total} selected, judged by API {}; nothing was touched", plan.api));
}
