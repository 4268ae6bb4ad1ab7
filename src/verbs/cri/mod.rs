//! Verbs that know CRI's own objects.

pub mod parallel;
pub mod pid;
pub mod stop;
pub mod sweep;
