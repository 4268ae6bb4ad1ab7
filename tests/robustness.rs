//! stdcheck under everything that a target, a disk or a user can do to it.

mod double;
mod harness;

#[path = "robustness/anywhere.rs"]
mod anywhere;
#[path = "robustness/discovery.rs"]
mod discovery;
#[path = "robustness/full_disk.rs"]
mod full_disk;
#[path = "robustness/garbage.rs"]
mod garbage;
#[path = "robustness/hostile.rs"]
mod hostile;
#[path = "robustness/judging.rs"]
mod judging;
#[path = "robustness/killed.rs"]
mod killed;
#[path = "robustness/misbehaving.rs"]
mod misbehaving;
#[path = "robustness/poison.rs"]
mod poison;
#[path = "robustness/restart.rs"]
mod restart;
#[path = "robustness/strict.rs"]
mod strict;
#[path = "robustness/traffic.rs"]
mod traffic;
#[path = "robustness/tripwire.rs"]
mod tripwire;

/// Not a test: the double as its own process, see `double::DoubleProcess`.
#[test]
#[ignore = "the entry of the double as its own process"]
fn double_process() {
    double::serve_if_told();
}
