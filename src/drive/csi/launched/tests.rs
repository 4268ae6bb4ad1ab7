use std::{os::unix::net::UnixListener, path::Path, time::Duration};

use super::*;
use crate::drive::csi::node::{Kind, NodeFiles};

fn is_root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("NOT TESTED: it takes root");
    }
    root
}

async fn launched(folder: &Path, script: &str) -> Launched {
    let args = vec!["-c".to_owned(), script.to_owned(), "driver".to_owned(), "{state}".to_owned()];
    let socket = folder.join("csi.sock");
    let mut options = LaunchOptions::new("sh".into(), args, &socket, folder);
    options.patience = Duration::from_secs(5);
    Launched::new(options).await.unwrap()
}

/// Listens in the driver's place when the driver says so.
fn listen_when(folder: &Path) -> std::thread::JoinHandle<UnixListener> {
    let (ready, socket) = (folder.join("state/ready"), folder.join("csi.sock"));
    std::thread::spawn(move || {
        while !ready.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        UnixListener::bind(socket).unwrap()
    })
}

#[tokio::test]
async fn a_driver_that_ends_at_once_is_told_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let driver = launched(folder.path(), "echo no config >&2; exit 3").await;
    let begin = std::time::Instant::now();
    let told = driver.start().await.unwrap_err().to_string();
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(told.contains("exit code 3") && told.contains("no config"), "{told}");
    assert_eq!(driver.has_ended().unwrap().code, Some(3));
    assert_eq!(driver.pid(), None);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("csi.sock");
    let options = LaunchOptions::new("/no/such".into(), vec![], &socket, folder.path());
    let told = Launched::new(options).await.unwrap().start().await.unwrap_err().to_string();
    assert!(told.contains("/no/such"), "{told}");
}

#[tokio::test]
async fn it_is_killed_and_brought_back_with_its_mounts() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let driver = launched(
        folder.path(),
        "echo \"start $CSI_ENDPOINT\"; mkdir -p \"$1/m\"
         grep -q \"$1/m \" /proc/self/mountinfo || mount -t tmpfs t \"$1/m\"
         touch \"$1/ready\"; sleep 100 & wait",
    )
    .await;
    assert_eq!(driver.shares_mounts(), None);
    let listening = listen_when(folder.path());
    driver.start().await.unwrap();
    drop(listening.join().unwrap());
    let first = driver.pid().unwrap();
    let point = folder.path().join("state/m").display().to_string();
    let files = NodeFiles::root(driver.root());
    assert!(files.look(&point).await.unwrap().mounted);
    assert_eq!(files.mounts_below(&point).await.unwrap(), std::slice::from_ref(&point));
    assert!(std::fs::read_to_string(driver.mountinfo()).unwrap().contains(&point));
    // Nothing of it is seen outside.
    assert!(!std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&point));
    driver.kill().await.unwrap();
    assert_eq!(driver.has_ended().unwrap().signal, Some(9));
    assert!(files.look(&point).await.unwrap().mounted);
    std::fs::remove_file(folder.path().join("state/ready")).unwrap();
    let listening = listen_when(folder.path());
    driver.restart().await.unwrap();
    drop(listening.join().unwrap());
    assert_ne!(driver.pid(), Some(first));
    assert_eq!(files.mounts_below(&point).await.unwrap().len(), 1);
    driver.stop().await;
    assert_eq!(driver.has_ended().unwrap().signal, Some(15));
    driver.stdout().settle();
    let said = std::fs::read_to_string(driver.stdout().path()).unwrap();
    let line = format!("start unix://{}/csi.sock\n", folder.path().display());
    assert_eq!(said, line.repeat(2));
    drop(driver);
    // The kernel takes the thread and its namespace down in its own time.
    while files.look(&point).await.is_ok_and(|look| look.kind != Kind::Nothing) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_that_does_not_want_to_end_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let driver = launched(
        folder.path(),
        "trap '' TERM; sleep 100 & echo $! > \"$1/child\"; touch \"$1/up\"; while :; do sleep 1; done",
    )
    .await;
    driver.spawn().await.unwrap();
    while !folder.path().join("state/up").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    driver.stop().await;
    assert_eq!(driver.has_ended().unwrap().signal, Some(9));
    let child = std::fs::read_to_string(folder.path().join("state/child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    // Whoever adopted it collects it in its own time.
    let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    while !gone() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_went_into_the_background_is_ended_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let driver = launched(
        folder.path(),
        "setsid sleep 100 & echo $! > \"$1/child\"; touch \"$1/up\"; sleep 0.1",
    )
    .await;
    driver.spawn().await.unwrap();
    assert!(driver.ended_within(Duration::from_secs(10)).await.is_some());
    let child = std::fs::read_to_string(folder.path().join("state/child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    // Without a namespace of its own it cannot be told from others.
    if driver.shares_mounts().is_none() {
        assert!(!gone());
    }
    driver.stop().await;
    assert!(gone() || driver.shares_mounts().is_some());
}

#[tokio::test]
async fn a_flood_is_drained_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the end";
    let args = vec!["-c".to_owned(), script.to_owned()];
    let socket = folder.path().join("csi.sock");
    let mut options = LaunchOptions::new("sh".into(), args, &socket, folder.path());
    options.most_output = 100_000;
    let driver = Launched::new(options).await.unwrap();
    driver.spawn().await.unwrap();
    let ended = driver.ended_within(Duration::from_secs(10)).await.unwrap();
    assert_eq!(ended.code, Some(0));
    assert!(ended.last_lines.ends_with("the end"));
    assert_eq!(std::fs::metadata(driver.stdout().path()).unwrap().len(), 100_000);
}

#[tokio::test]
async fn a_late_one_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let args = vec!["-c".to_owned(), "echo waiting >&2; sleep 100".to_owned()];
    let socket = folder.path().join("csi.sock");
    let mut options = LaunchOptions::new("sh".into(), args, &socket, folder.path());
    options.patience = Duration::from_millis(200);
    let driver = Launched::new(options).await.unwrap();
    let told = driver.start().await.unwrap_err().to_string();
    assert!(told.contains("does not listen") && told.contains("waiting"), "{told}");
    assert!(!driver.is_running());
}
