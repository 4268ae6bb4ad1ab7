//! Prints what stdcheck costs beside the target, as ratios: start-up, own time, what a check costs as
//! the suite grows, memory. It judges nothing.
//!
//! `cargo bench --bench run`; the last part needs root and `scripts/peers install 2.1`.

mod cni;
mod delays;
#[path = "../../tests/double/mod.rs"]
mod double;
mod growth;
mod measure;
mod real;
mod start_up;

use double::Double;

const STDCHECK: &str = env!("CARGO_BIN_EXE_stdcheck");

fn main() {
    if measure::is_asked() {
        return measure::answer();
    }
    // `cargo test --benches` calls with --test: nothing to print then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::Builder::new().prefix("sc-bench-").tempdir().expect("a folder");
    let bytes = std::fs::metadata(STDCHECK).map_or(0, |metadata| metadata.len());
    println!("binary: {:.1} MB", bytes as f64 / 1e6);
    start_up::print(folder.path());
    let double = Double::start(folder.path());
    growth::print(&double.socket, folder.path());
    delays::on(&double.bends);
    whole_suite(&double.socket);
    cni::print();
    real::print(folder.path());
}

/// The whole suite on the double, judged by the newest version.
fn whole_suite(socket: &std::path::Path) {
    println!(
        "the whole suite on the double, which takes as long for each rpc as containerd 2.1 does:"
    );
    let socket = socket.display().to_string();
    for jobs in ["1", "8"] {
        let measured = measure::run("cri", &["--socket", &socket, "--api", "1.37", "-j", jobs]);
        println!("  -j {jobs}: {measured}");
    }
}
