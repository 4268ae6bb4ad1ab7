//! `stdcheck lint`: every mistake in suite files, without a target.

use clap::Parser;

use super::common::{Format, Stop, SuiteArgs, mistakes, print_json, print_line};
use crate::verdict::exit;

/// Find every mistake in suite files, without a target
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    suite: SuiteArgs,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let suite = self.suite.load()?;
        let mistakes = mistakes(&suite);
        let code = if mistakes.0.is_empty() { exit::OK } else { exit::USAGE };
        match self.format {
            Format::Json => {
                let told: Vec<_> = mistakes.0.iter().map(|mistake| mistake.json()).collect();
                print_json(&told);
            }
            Format::Text if mistakes.0.is_empty() => print_line(format!(
                "{suite}: no mistakes in {} requirements, {} checks, {} invariants",
                suite.requirements.len(),
                suite.checks.len(),
                suite.invariants.len()
            )),
            Format::Text => print_line(mistakes),
        }
        Ok(code)
    }
}
