//! `stdcheck lint`: every mistake in suite files, without a target.

use clap::Parser;

use super::common::{Format, Stop, SuiteArgs, print_json, print_line};
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
        let (suite, mistakes) = self.suite.examine()?;
        let code = if mistakes.0.is_empty() { exit::OK } else { exit::USAGE };
        match self.format {
            Format::Json => {
                let told: Vec<_> = mistakes.0.iter().map(|mistake| mistake.json()).collect();
                print_json(&told);
            }
            Format::Text => match suite.filter(|_| mistakes.0.is_empty()) {
                Some(suite) => print_line(format!(
                    "{suite}: no mistakes in {} requirements, {} checks, {} invariants",
                    suite.requirements.len(),
                    suite.checks.len(),
                    suite.invariants.len()
                )),
                None => print_line(mistakes),
            },
        }
        Ok(code)
    }
}
