//! Ctrl-C and SIGTERM at any moment: at every call of a run, from the first to the last.

use nix::sys::signal::Signal;

use crate::{
    double::Double,
    harness::{Bench, Running},
    strict,
    tripwire::Tripwire,
};

/// Discovery, images, sandboxes, containers, findings and undo, in a few dozen calls.
const SELECT: &[&str] = &[
    "--select=cri.start-container.running",
    "--select=cri.stop-sandbox.twice",
    "--select=cri.sandbox-status.annotations",
    "--select=cri.version.names",
    "--select=cri.runtime-config.*",
    "--api=1.37",
    "-j2",
];

#[test]
fn a_signal_at_every_call_ends_the_run_in_order() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let wire = Tripwire::across(&double.bends);
    wire.put_at(None);
    assert_eq!(bench.cri(&double.socket, SELECT).code, 0);
    let all = wire.calls();
    assert!(all >= 20, "only {all} moments");

    let mut reports = Vec::new();
    for moment in 1..=all {
        let signal = if moment % 2 == 0 { Signal::SIGINT } else { Signal::SIGTERM };
        wire.put_at(Some(moment));
        let junit = bench.file(&format!("{moment}.xml"));
        let report = format!("--report=junit={}", junit.display());
        let arguments = bench.cri_arguments(&double.socket, &[SELECT, &[&report]].concat());
        let mut running = Running::start(bench.command(arguments));
        wire.when_touched(|| {
            running.signal(signal);
            running.hear("stopping, and cleaning up");
        });
        let mut told = running.end();
        told.report = bench.report();

        assert_eq!(told.code, 130, "{signal} at call {moment} of {all}: {told:?}");
        let state = double.store.state();
        assert_eq!(state.counts(), (0, 0, 0), "{signal} at call {moment}: {told:?}");
        assert_eq!(bench.leftovers(), Vec::<String>::new(), "{signal} at call {moment}");
        // The first call says hello: the run has not begun, and there is nothing to report.
        assert_eq!(told.report.is_null(), moment == 1, "{signal} at call {moment}: {told:?}");
        if moment > 1 {
            assert_eq!(told.report["interrupted"], true, "call {moment}");
            let selected = told.report["run"]["selected"].as_u64().expect("a number");
            assert_eq!(u64::try_from(told.checks().len()), Ok(selected), "call {moment}");
            assert_eq!(told.with_verdict("fail"), [], "call {moment}");
            assert_eq!(told.report["cleanup_failures"], serde_json::json!([]), "call {moment}");
            reports.push(junit);
        }
    }
    strict::validate_junit(&reports);
}
