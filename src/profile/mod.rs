//! Profiles of CNI plugins: what is known of one, so that checks can ask of it what it can do.
//!
//! A profile is a TOML file. Those of the reference plugins are built in; the user may bring one for
//! his own, or none: then what his configuration tells is all that is known.

pub mod format;
mod guess;
mod load;
mod vocabulary;
pub mod words;

pub use self::{
    format::{Daemon, DhcpServer, Parent, Pool, Previous, Profile, Tamper, Variation},
    guess::{ListError, usual_capability},
    load::{ProfileError, built_in, built_in_names, from_file},
    words::{Kind, TamperName, Word},
};
