//! Restarts that are cut or fail: in their middle the target is dead, and nobody killed it.

use crate::{double::DoubleProcess, harness::Bench};

const CHECK: &str = "cri.runtime-config.static-across-restart";

#[test]
fn one_that_is_cut_by_a_time_out_comes_to_its_end_and_is_no_death() {
    let bench = Bench::new();
    let double = DoubleProcess::start(bench.path(), "");
    // The target is dead for longer than the check may last.
    let restart =
        double.restart_command().replacen("rm -f cri.sock;", "rm -f cri.sock; sleep 2;", 1);
    assert!(restart.contains("sleep 2"), "{restart}");
    let select = ["--select", CHECK, "--select", "cri.version.names", "--api", "1.37", "-j", "1"];
    let more = ["--restart-cmd", &restart, "--check-timeout", "1s"];
    let told = bench.cri(&double.socket(), &[&select[..], &more].concat());
    let check = told.check(CHECK);
    assert_eq!(check["verdict"], "error", "{check}");
    assert_eq!(check["reason"], "the check took longer than 1s");
    assert_eq!(told.report["deaths"], serde_json::json!([]));
    assert_eq!(told.report["unattributed_deaths"], serde_json::json!([]));
    assert_eq!(told.report["cleanup_failures"], serde_json::json!([]));
    assert_eq!(told.code, 3);
    assert_eq!(double.state().counts(), (0, 0, 0));
}

#[test]
fn one_that_fails_is_an_error_and_no_death_by_a_check() {
    let bench = Bench::new();
    let mut double = DoubleProcess::start(bench.path(), "");
    let folder = bench.path().display();
    // It is seen dead before the command has ended, or only after it.
    let restart = format!("kill -9 $(cat {folder}/pid); echo no such unit >&2; exit 5");
    let select = ["--select", CHECK, "--api", "1.37", "-j", "1", "--restart-cmd", &restart];
    let told = bench.cri(&double.socket(), &select);
    assert!(!double.lives(), "it was not killed");
    let check = told.check(CHECK);
    assert_eq!(check["verdict"], "error", "{check}");
    let reason = check["reason"].as_str().expect("text");
    assert!(reason.contains("no such unit") && reason.contains("exit status: 5"), "{reason}");
    let ended = told.report["ended_early"].as_str().expect("text");
    assert!(ended.starts_with("the target is gone: the restart command"), "{ended}");
    assert_eq!(told.report["deaths"], serde_json::json!([]));
    assert_eq!(told.ids("fail"), Vec::<&str>::new());
    assert_eq!(told.code, 3);
}
