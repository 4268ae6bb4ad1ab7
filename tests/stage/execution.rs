//! Executions, well and badly behaved.

use std::time::Duration;

use stdcheck::stage::wire::Execution;

use crate::support::{shell, stage, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_what_it_is_given_and_no_more() {
    let Some(stage) = stage().await else { return };
    let mut execution = shell("cat; echo to stderr >&2; env; pwd; exit 3", 20_000);
    execution.stdin = b"in\n".into();
    execution.env.push(("A".to_owned(), "b c".to_owned()));
    let done = stage.exec(execution).await.unwrap();
    assert_eq!((done.exit, done.signal, done.timed_out, done.cut), (Some(3), None, false, false));
    assert_eq!(text(&done.stderr), "to stderr\n");
    let out = text(&done.stdout);
    assert!(out.starts_with("in\n") && out.contains("A=b c\n") && out.ends_with("/\n"), "{out}");
    assert!(!out.contains("CARGO"), "{out}");
    assert!(done.started > 0);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_started_is_told_of_alone() {
    let Some(stage) = stage().await else { return };
    let missing = Execution { program: "/nowhere".into(), ..Execution::default() };
    let done = stage.exec_all(vec![missing, shell("exit 0", 20_000)]).await.unwrap();
    assert!(done[0].refused.as_ref().unwrap().contains("/nowhere"), "{done:?}");
    assert_eq!(done[1].exit, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_flooding_and_deaf_programs_end_in_time() {
    let Some(stage) = stage().await else { return };
    let hangs = shell("sleep 1000", 2000);
    let mut floods = shell("while :; do echo 0123456789; done", 2000);
    floods.cap = 1000;
    let mut deaf = shell("exec sleep 0.2", 20_000);
    deaf.stdin = vec![b'x'; 1 << 20].into();
    let mut closes = shell("exec <&-; sleep 0.1; echo done", 20_000);
    closes.stdin = vec![b'x'; 1 << 20].into();
    let signalled = shell("kill -ABRT $$", 20_000);
    let done = stage.exec_all(vec![hangs, floods, deaf, closes, signalled]).await.unwrap();
    assert!(done[0].timed_out && done[0].signal == Some(9), "{:?}", done[0]);
    assert!(done[1].timed_out && done[1].cut, "{:?}", done[1]);
    assert_eq!(done[1].stdout.0.len(), 1000);
    assert_eq!(done[2].exit, Some(0), "{:?}", done[2]);
    assert_eq!((done[3].exit, text(&done[3].stdout)), (Some(0), "done\n".to_owned()));
    assert_eq!((done[4].exit, done[4].signal), (None, Some(6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_holds_the_output_is_left_and_told_of() {
    let Some(stage) = stage().await else { return };
    stage.mark("before").await.unwrap();
    let done = stage.exec(shell("echo said; sleep 1234 & exit 0", 20_000)).await.unwrap();
    assert!(done.held_open && !done.timed_out && done.exit == Some(0), "{done:?}");
    assert_eq!(text(&done.stdout), "said\n");
    let changes = stage.since("before").await.unwrap();
    assert_eq!(changes.processes.len(), 1, "{changes:?}");
    assert!(changes.processes[0].contains("sleep 1234"), "{changes:?}");
    // One that closes what it was given holds nothing.
    let quiet = shell("sleep 1235 >/dev/null 2>&1 </dev/null & exit 0", 20_000);
    assert!(!stage.exec(quiet).await.unwrap().held_open);
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_reaped_and_no_execution_loses_its_end() {
    let Some(stage) = stage().await else { return };
    stage.mark("before").await.unwrap();
    for code in 0..50 {
        let script = format!("(exec true >/dev/null 2>&1 &) ; exit {code}");
        assert_eq!(stage.exec(shell(&script, 20_000)).await.unwrap().exit, Some(code));
    }
    let changes = stage.settled("before", Duration::from_secs(20)).await.unwrap();
    assert!(changes.is_empty(), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_comes_byte_by_byte_if_told() {
    let Some(stage) = stage().await else { return };
    // Each read of dd takes what one write gave.
    let mut dribbled = shell("dd bs=4096 2>&1 >/dev/null | head -n 1", 20_000);
    dribbled.stdin = vec![b'x'; 300].into();
    dribbled.dribble = true;
    let done = stage.exec(dribbled).await.unwrap();
    assert_eq!(text(&done.stdout), "0+300 records in\n", "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_executions_run_side_by_side() {
    let Some(stage) = stage().await else { return };
    // Each waits for all others: one after the other, none would end.
    let script = "touch /run/stdcheck-delegate/$$
        until [ $(ls /run/stdcheck-delegate | wc -l) -ge 20 ]; do sleep 0.01; done";
    let done = stage.exec_all(vec![shell(script, 60_000); 20]).await.unwrap();
    assert!(done.iter().all(|done| done.exit == Some(0)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asker_that_gives_up_disturbs_no_other() {
    let Some(stage) = stage().await else { return };
    let slow = stage.exec(shell("sleep 0.3; echo slow", 20_000));
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    let done = stage.exec(shell("echo quick", 20_000)).await.unwrap();
    assert_eq!(text(&done.stdout), "quick\n");
}
