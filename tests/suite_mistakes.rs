//! Every mistake that a suite file can hold is told with its place, and what is built in has none.

mod harness;

#[path = "suite_mistakes/bench.rs"]
mod bench;
#[path = "suite_mistakes/built_in.rs"]
mod built_in;
#[path = "suite_mistakes/checks.rs"]
mod checks;
#[path = "suite_mistakes/expressions.rs"]
mod expressions;
#[path = "suite_mistakes/form.rs"]
mod form;
#[path = "suite_mistakes/requirements.rs"]
mod requirements;
#[path = "suite_mistakes/steps.rs"]
mod steps;
#[path = "suite_mistakes/versions.rs"]
mod versions;
#[path = "suite_mistakes/vocabulary.rs"]
mod vocabulary;
