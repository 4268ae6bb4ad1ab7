//! What a suite file may say to a verb: its name, parameters and result. The verbs themselves are
//! code elsewhere; lint needs no more than this.

use super::expr::types::Type;

/// The form of one verb.
pub struct Signature {
    /// `net.connect`
    pub name: &'static str,
    /// What it does, in one line.
    pub title: &'static str,
    /// What `with` may hold.
    pub params: &'static [Param],
    /// What it returns as `reply`.
    pub reply: fn() -> Type,
    /// It changes nothing, so that it may be repeated and shared.
    pub looks: bool,
}

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// It may not be left out.
    pub required: bool,
    /// What it is, with its unit.
    pub title: &'static str,
}
