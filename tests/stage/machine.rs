//! What becomes of the machine: nothing.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use stdcheck::stage::{Stage, StageOptions, wire::Daemon};

use crate::support::{bridge, run, shell, stage};

/// Whatever a test makes on a stage. Others use the same folders meanwhile, so only our own names count.
fn paths() -> BTreeSet<&'static str> {
    let all = [
        "/run/netns",
        "/run/netns/stdcheck-c1",
        "/run/cni",
        "/run/cni/stdcheck-x",
        "/run/made-by-stage",
        "/run/stdcheck-delegate",
        "/var/lib/cni",
        "/var/lib/cni/networks",
        "/var/lib/cni/networks/stdcheck-n",
        "/var/lib/stdcheck-missing",
    ];
    all.into_iter().filter(|path| Path::new(path).exists()).collect()
}

fn links() -> BTreeSet<String> {
    let names = fs::read_dir("/sys/class/net").unwrap().flatten();
    names.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_changes() {
    let before = paths();
    let Some(stage) = stage().await else { return };
    stage.make_namespace("stdcheck-c1").await.unwrap();
    bridge(&stage, None, "stdcheck-d0").await;
    stage.write(Path::new("/var/lib/cni/networks/stdcheck-n/10.1.0.2"), b"x", 0o600).await.unwrap();
    run(
        &stage,
        "touch /run/made-by-stage /run/cni/stdcheck-x /run/stdcheck-delegate/x && hostname other",
    )
    .await;
    run(&stage, "mount -t tmpfs none /mnt && touch /var/lib/stdcheck-missing/deep/x").await;
    assert_eq!(run(&stage, "ls /sys/class/net | grep -c stdcheck-d0").await, "1\n");
    assert_eq!(paths(), before);
    assert!(!links().contains("stdcheck-d0"));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("stdcheck-c1") && !mounts.contains(" /mnt "), "{mounts}");
    assert_ne!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim(), "other");
    stage.end().await;
    assert_eq!(paths(), before);
    assert!(!links().contains("stdcheck-d0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_see_only_processes_of_the_stage() {
    let Some(stage) = stage().await else { return };
    let own = std::process::id();
    let seen = run(&stage, "ls /proc | grep -c '^[0-9]'; readlink /proc/self/ns/pid").await;
    let count: usize = seen.lines().next().unwrap().parse().unwrap();
    assert!(count < 6, "{seen}");
    let outside = fs::read_link(format!("/proc/{own}/ns/pid")).unwrap();
    assert!(!seen.contains(outside.to_str().unwrap()), "{seen}");
}

/// Not a test: whoever is killed in the next one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is killed"]
async fn client_process() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    let daemon = Daemon {
        program: "/bin/sleep".into(),
        args: vec![std::env::var("STDCHECK_TEST_NAP").unwrap()],
        ..Daemon::default()
    };
    stage.start_daemon(daemon).await.unwrap();
    println!("\nstands {}", stage.pid());
    // Killed in the middle of an execution, which is the worst moment.
    stage.exec(shell("exec sleep 1000", 1_000_000)).await.unwrap();
}

fn somebody_naps(nap: &str) -> bool {
    let lines = fs::read_dir("/proc").unwrap().flatten();
    lines.into_iter().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line == [b"/bin/sleep\0", nap.as_bytes(), b"\0"].concat()
    })
}

#[test]
fn all_of_it_ends_when_we_are_killed() {
    let nap = format!("98{}", std::process::id());
    let mut client = Command::new(std::env::current_exe().unwrap())
        .args(["machine::client_process", "--exact", "--ignored", "--nocapture"])
        .env("STDCHECK_TEST_NAP", &nap)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let stands = lines.map_while(Result::ok).find_map(|line| {
        if line.starts_with("not tested") {
            println!("{line}");
        }
        line.strip_prefix("stands ").map(str::to_owned)
    });
    let Some(outer) = stands else {
        client.wait().unwrap();
        assert!(!nix::unistd::geteuid().is_root(), "no stage was made");
        return;
    };
    let namespace = fs::read_link(format!("/proc/{outer}/ns/net")).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    // A process that was just started has the command line of whoever started it for a moment.
    while !somebody_naps(&nap) {
        assert!(Instant::now() < until, "the daemon was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    client.kill().unwrap();
    client.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let left = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let in_it = processes.filter(|entry| {
            fs::read_link(entry.path().join("ns/net")).is_ok_and(|link| link == namespace)
        });
        in_it.count() > 0 || somebody_naps(&nap)
    };
    while left() {
        assert!(Instant::now() < until, "the stage outlived us");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_was_killed_says_so() {
    let Some(stage) = stage().await else { return };
    let pid = nix::unistd::Pid::from_raw(stage.pid().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    // On a busy machine a signal arrives a little later than the call that sent it returns.
    let until = Instant::now() + Duration::from_secs(20);
    while stage.look(None).await.is_ok() {
        assert!(Instant::now() < until, "it lives on");
    }
    for _ in 0..2 {
        let why = stage.look(None).await.unwrap_err();
        assert!(why.starts_with("the stage ended: "), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_stage_is_told_of() {
    let options = StageOptions { program: Some("/bin/false".into()), ..StageOptions::default() };
    let why = Stage::start(&options).await.unwrap_err();
    assert!(why.contains("the stage ended: exit status: 1"), "{why}");
    let options = StageOptions { program: Some("/nowhere".into()), ..StageOptions::default() };
    let why = Stage::start(&options).await.unwrap_err();
    assert!(why.starts_with("cannot start a stage: "), "{why}");
}
