//! What several commands share: finding a suite, and ending with a message.

use std::{fmt::Display, path::PathBuf, sync::Arc};

use clap::ValueEnum;

use crate::{
    report::first_line,
    suite::{
        diagnostic::Diagnostics,
        lint,
        load::{self, LoadError, Suite},
        signature::Signature,
    },
    verbs,
    verdict::exit,
};

/// The end of a command that cannot go on: one message, and the exit code.
#[derive(Debug)]
pub struct Stop {
    /// What a person should read.
    pub message: String,
    /// See [`exit`].
    pub code: i32,
}

impl Stop {
    /// Wrong usage, configuration or suite.
    pub fn usage(message: impl Display) -> Stop {
        Stop { message: message.to_string(), code: exit::USAGE }
    }

    /// The target cannot be reached. The message may hold what the target said: it becomes one line
    /// that no terminal minds.
    pub fn unreachable(message: impl Display) -> Stop {
        Stop { message: one_line(message), code: exit::ERROR }
    }

    /// A signal came before anything was begun.
    pub fn interrupted() -> Stop {
        let message = "interrupted before the first check; nothing was touched".to_owned();
        Stop { message, code: exit::INTERRUPTED }
    }
}

/// Words that may be a target's, harmless and on one line.
pub fn one_line(text: impl Display) -> String {
    const CAP: usize = 2_000;
    first_line(&text.to_string(), CAP)
}

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Which suite.
#[derive(Debug, clap::Args)]
pub struct SuiteArgs {
    /// The standard: cri, cni or csi
    #[arg(default_value = "cri")]
    pub standard: String,
    /// Take the suite from this folder instead of the built-in one
    #[arg(long, value_name = "DIR")]
    pub suite: Option<PathBuf>,
}

impl SuiteArgs {
    /// Loads it with all its mistakes; there is no suite where these are of its form.
    pub fn examine(&self) -> Result<(Option<Arc<Suite>>, Diagnostics), Stop> {
        match read(self.suite.as_ref(), &self.standard) {
            Err(LoadError::Mistakes(mistakes)) => Ok((None, mistakes)),
            Err(other) => Err(Stop::usage(other)),
            Ok(suite) => {
                let suite = of_standard(suite, &self.standard)?;
                let mistakes = mistakes(&suite);
                Ok((Some(suite), mistakes))
            }
        }
    }

    /// Loads it; one from a folder is linted first.
    pub fn load_sound(&self) -> Result<Arc<Suite>, Stop> {
        load_sound(&self.standard, self.suite.as_ref())
    }
}

fn load(standard: &str, folder: Option<&PathBuf>) -> Result<Arc<Suite>, Stop> {
    let suite = read(folder, standard).map_err(|error| match error {
        LoadError::Mistakes(mistakes) => Stop::usage(format!("the suite has mistakes\n{mistakes}")),
        other => Stop::usage(other),
    })?;
    of_standard(suite, standard)
}

fn read(folder: Option<&PathBuf>, standard: &str) -> Result<Suite, LoadError> {
    match folder {
        Some(folder) => load::from_folder(folder),
        None => load::built_in(standard),
    }
}

fn of_standard(suite: Suite, standard: &str) -> Result<Arc<Suite>, Stop> {
    if suite.standard != standard {
        return Err(Stop::usage(format!(
            "the suite is one for `{}`, not for `{standard}`",
            suite.standard
        )));
    }
    Ok(Arc::new(suite))
}

/// The built-in suites are held sound by our own tests; one of the user's is linted first.
pub fn load_sound(standard: &str, folder: Option<&PathBuf>) -> Result<Arc<Suite>, Stop> {
    let suite = load(standard, folder)?;
    if folder.is_some() {
        let mistakes = mistakes(&suite);
        if !mistakes.0.is_empty() {
            return Err(Stop::usage(format!("the suite has mistakes\n{mistakes}")));
        }
    }
    Ok(suite)
}

/// All mistakes of a suite.
pub fn mistakes(suite: &Suite) -> Diagnostics {
    let signatures: Vec<&Signature> =
        verbs::registry::of(&suite.standard).iter().map(|verb| &verb.signature).collect();
    Diagnostics(lint::lint(suite, &signatures, &telling_flags(&suite.standard)))
}

/// Flags by which the user tells capabilities of a target.
fn telling_flags(standard: &str) -> Vec<&'static str> {
    match standard {
        super::csi::STANDARD => super::csi::flags::telling_flags(),
        _ => super::cri::TELLING_FLAGS.to_vec(),
    }
}

/// Prints JSON for machines.
pub fn print_json(json: &impl serde::Serialize) {
    // Our own types always serialise; a closed pipe ends a listing quietly.
    if let Ok(text) = serde_json::to_string_pretty(json) {
        print_line(text);
    }
}

/// Prints a line; `| head` must not make a panic.
pub fn print_line(text: impl Display) {
    use std::io::Write;
    let _ = writeln!(anstream::stdout(), "{text}");
}
