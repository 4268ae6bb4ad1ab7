//! `stdcheck csi` as a user runs it, on the reference driver: every combination of capabilities, other
//! people's volumes, killed runs, and what is no driver at all.

mod harness;

#[path = "csi/bad_targets.rs"]
mod bad_targets;
#[path = "csi/demo.rs"]
mod demo;
#[path = "csi/driver.rs"]
mod driver;
#[path = "csi/killed.rs"]
mod killed;
#[path = "csi/others.rs"]
mod others;
#[path = "csi/presets.rs"]
mod presets;
#[path = "csi/split.rs"]
mod split;
