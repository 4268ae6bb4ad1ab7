//! What a user can do wrong: one clear message and the right exit code, and nothing is touched.

mod double;
mod harness;

#[path = "bad_input/endpoint.rs"]
mod endpoint;
#[path = "bad_input/flags.rs"]
mod flags;
#[path = "bad_input/reports.rs"]
mod reports;
#[path = "bad_input/waivers.rs"]
mod waivers;
