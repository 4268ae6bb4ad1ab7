//! The stdcheck binary against the runtime double.

mod double;
mod harness;

#[path = "run_on_double/bent.rs"]
mod bent;
#[path = "run_on_double/broken_wire.rs"]
mod broken_wire;
#[path = "run_on_double/death.rs"]
mod death;
#[path = "run_on_double/honest.rs"]
mod honest;
#[path = "run_on_double/limits.rs"]
mod limits;
#[path = "run_on_double/signals.rs"]
mod signals;
#[path = "run_on_double/together.rs"]
mod together;

/// Not a test: the double as its own process, see `double::DoubleProcess`.
#[test]
#[ignore = "the entry of the double as its own process"]
fn double_process() {
    double::serve_if_told();
}
