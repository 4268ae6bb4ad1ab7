//! stdcheck: says whether an implementation of an open cloud-native interface keeps its
//! specification, requirement by requirement, against the real thing.
//!
//! The data flow is one-way: [`suite`] files → plan → run → [`events`] → reports.
//! `docs/architecture.md` has the whole picture.

pub mod cli;
pub mod compare;
pub mod delegate;
pub mod dhcp_server;
pub mod drive;
pub mod events;
pub mod image;
pub mod plan;
pub mod profile;
pub mod proto;
pub mod reference;
pub mod report;
pub mod run;
pub mod stage;
pub mod suite;
pub mod verbs;
pub mod verdict;
