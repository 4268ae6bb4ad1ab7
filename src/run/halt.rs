//! Why a check stops before its last step.

use crate::verdict::SkipKind;

/// The end of a check that did not pass, before it becomes a verdict.
#[derive(Clone, Debug)]
pub enum Halt {
    /// An expectation does not hold.
    Broken(Broken),
    /// It could not be found out.
    Error(String),
    /// There is nothing to judge after all.
    Skip(SkipKind, String),
    /// The target's process or connection ended; says how that was noticed.
    Died(String),
}

/// What was expected, and what was seen.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The code that the step names itself.
    pub of: Option<String>,
    /// In the suite's words.
    pub expected: String,
    /// With values.
    pub actual: String,
    /// Index of the exchange that showed it.
    pub exchange: Option<usize>,
}

impl Halt {
    /// As one line.
    pub fn line(&self) -> String {
        match self {
            Halt::Broken(broken) => format!("expected {}; saw {}", broken.expected, broken.actual),
            Halt::Error(why) | Halt::Skip(_, why) | Halt::Died(why) => why.clone(),
        }
    }
}
