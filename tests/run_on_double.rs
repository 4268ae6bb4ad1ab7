//! The stdcheck binary against the runtime double.

mod double;
mod harness;

use double::Double;
use harness::Bench;

/// Not a test: the double as its own process, see `double::DoubleProcess`.
#[test]
#[ignore = "the entry of the double as its own process"]
fn double_process() {
    double::serve_if_told();
}

#[test]
fn an_honest_runtime_is_not_accused() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let told = bench.cri(&double.socket, &["--api", "1.37", "--image", "stdcheck.local/guest:1"]);
    for verdict in ["fail", "error", "warn", "skip"] {
        println!("{verdict}: {:#?}", told.with_verdict(verdict));
    }
    println!("{}", told.stderr);
    panic!("{}", told.report["counts"]);
}
