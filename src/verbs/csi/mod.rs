//! Verbs of the CSI suite. One file per topic.

mod advertised;
mod answers;
pub mod await_ready;
pub mod crash;
pub mod cut;
pub mod each_name;
pub mod endpoints;
pub mod fill_node;
pub mod gone;
pub mod grow;
pub mod learn;
pub mod lists;
pub mod logs;
pub mod metadata;
pub mod node;
pub mod parallel;
pub mod place;
pub mod raw;
pub mod start;
pub mod sweep;
pub mod trial;
pub mod undo_cut;
pub mod unplace;
mod values;
pub mod volume;
pub mod write_order;
