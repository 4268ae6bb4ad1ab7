//! How the delegate is to behave, command by command.

use std::{
    collections::BTreeMap,
    io::{Error, ErrorKind},
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The plan's file.
pub const FILE: &str = "plan.json";

/// The behaviour for each command (`ADD`, `DEL`, …). One that is not named succeeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(pub BTreeMap<String, Behaviour>);

/// How one command is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// What kind of answer it is.
    pub mode: Mode,
    /// Of the error object; 123 if not given, which no library makes up by itself.
    pub code: Option<u32>,
    /// Of the error object.
    pub msg: Option<String>,
    /// Of the error object.
    pub details: Option<String>,
    /// The exit code, where the mode's own is not wanted.
    pub exit: Option<i32>,
    /// What `ok` prints, exactly as it stands here.
    pub result: Option<Value>,
    /// What goes to stderr, before anything else is done.
    pub stderr: Option<String>,
    /// How long it waits before it answers; the log already has the call then.
    pub delay_ms: u64,
    /// Only the call of this command with this number, from 1 on, is answered so; all others succeed.
    pub only_at: Option<usize>,
}

/// Kinds of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Succeeds.
    #[default]
    Ok,
    /// An error object, exit code 1.
    Error,
    /// Something on stdout that is neither JSON nor text, exit code 0.
    Garbage,
    /// Nothing on stdout, exit code 0.
    Empty,
    /// Nothing on stdout, exit code 1.
    BareExit,
    /// No answer at all.
    Hang,
    /// Dies by SIGABRT.
    Crash,
    /// Megabytes of blanks, exit code 0.
    Flood,
}

impl Behaviour {
    /// That kind of answer, and nothing else about it.
    pub fn of(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }
}

impl Plan {
    /// A plan for one command alone.
    pub fn of(command: &str, behaviour: Behaviour) -> Self {
        Self(BTreeMap::from([(command.to_owned(), behaviour)]))
    }

    /// As the file of it stands in a folder.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("texts and numbers are always JSON")
    }

    /// Puts the plan into a folder at once: a call that runs meanwhile sees the old one or this one.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let new = folder.join("plan.json.new");
        std::fs::write(&new, self.to_json())?;
        std::fs::rename(new, folder.join(FILE))
    }

    /// The plan in a folder; without a file, everything succeeds.
    pub(super) fn read(folder: &Path) -> std::io::Result<Self> {
        match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::new(ErrorKind::InvalidData, format!("{FILE} is no plan: {error}"))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// What the `number`-th call of a command is answered with.
    pub(super) fn at(&self, command: &str, number: usize) -> Behaviour {
        self.0
            .get(command)
            .filter(|behaviour| behaviour.only_at.is_none_or(|only| only == number))
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Plan::read(folder.path()).unwrap(), Plan::default());
        let error = Behaviour { code: Some(7), only_at: Some(2), ..Behaviour::of(Mode::Error) };
        let plan = Plan::of("ADD", error);
        plan.write(folder.path()).unwrap();
        assert_eq!(Plan::read(folder.path()).unwrap(), plan);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_the_call_with_that_number_is_bent() {
        let error = Behaviour { only_at: Some(2), ..Behaviour::of(Mode::Error) };
        let plan = Plan::of("DEL", error);
        let modes: Vec<Mode> = (1..=3).map(|number| plan.at("DEL", number).mode).collect();
        assert_eq!(modes, [Mode::Ok, Mode::Error, Mode::Ok]);
        assert_eq!(plan.at("ADD", 2).mode, Mode::Ok);
    }

    #[test]
    fn a_key_that_there_is_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), r#"{"ADD": {"mod": "ok"}}"#).unwrap();
        let error = Plan::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("plan.json is no plan: unknown field `mod`"), "{error}");
    }
}
