//! Verbs of the CSI suite. One file per topic.

pub mod learn;
