//! The rules by which a runtime is made to differ: seeded defects, which checks must report, and
//! oddities, which none may.
//!
//! `tests/defects/README.md` is the grammar for writers. [`format`] is what a file may hold,
//! [`path`] names places in messages, [`edit`] changes what stands there, [`values`] evaluates,
//! [`types`] says what is wrong before anything is, [`notes`] keeps what turned out at work, and
//! [`engine`] stands between the connection and the runtime, by descriptors alone: whether the
//! runtime is the double or a real one behind a proxy is the same to it.

mod edit;
mod engine;
mod format;
mod notes;
mod path;
mod types;
mod values;

pub use engine::{Hit, Rule};
pub use format::{Apart, Difference, End, Gives, read_folder, read_text};
pub use notes::Notes;
