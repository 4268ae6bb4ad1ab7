//! `processes`, `process`, and the commands that start a child.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{Waiting, answer, program};

fn processes() -> Vec<Value> {
    serde_json::from_str(&answer(&["processes"])).expect("a JSON array")
}

/// The process whose last word this is.
fn named(name: &str) -> Option<Value> {
    processes().into_iter().find(|process| {
        let words = process["argv"].as_array().expect("a list");
        words.last().is_some_and(|word| word == name)
    })
}

/// A child of the guest's, which is not ours to wait for. It is ended with the test.
struct Grandchild(Pid);

impl Grandchild {
    fn of(process: &Value) -> Self {
        let pid = process["pid"].as_i64().and_then(|pid| pid.try_into().ok());
        Self(Pid::from_raw(pid.expect("a process id")))
    }
}

impl Drop for Grandchild {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

#[test]
fn processes_are_listed_until_they_have_ended() {
    let name = format!("listed-{}", std::process::id());
    let waiting = Waiting::start(&["sleep", "1000", &name]);
    let process = named(&name).expect("it is there");
    assert_eq!(process["pid"], waiting.child.id());
    assert_eq!(process["ppid"], std::process::id());
    // On a busy machine it may not have come to its sleep yet.
    assert!(["R", "S"].map(Value::from).contains(&process["state"]), "{process}");
    assert_eq!(process["argv"][1], "sleep");
    waiting.signal(Signal::SIGKILL);
    waiting.end();
    assert_eq!(named(&name), None);
}

#[test]
fn a_process_that_has_ended_and_is_kept_has_no_words() {
    let name = format!("kept-{}", std::process::id());
    let mut waiting = Waiting::start(&["ignore-signals", &name]);
    let pid = waiting.child.id();
    waiting.signal(Signal::SIGKILL);
    // Its end of the pipe is closed once it has ended; as nobody has waited for it, it is kept.
    waiting.stdout.read_to_string(&mut String::new()).expect("text");
    assert_eq!(named(&name), None);
    let kept: Value = serde_json::from_str(&answer(&["process", &pid.to_string()])).expect("JSON");
    assert_eq!(kept[pid.to_string()]["argv"], json!([]));
}

#[test]
fn a_process_is_described_as_the_kernel_does() {
    let own = std::process::id().to_string();
    let all: Value =
        serde_json::from_str(&answer(&["process", "self", &own, "4194305"])).expect("JSON");
    assert_eq!(all["4194305"], Value::Null);
    assert_eq!(all["self"]["argv"][1], "process");
    let ours = &all[&own];
    let net = std::fs::read_link("/proc/self/ns/net").expect("a link");
    assert_eq!(ours["namespaces"]["net"].as_str(), net.to_str());
    assert_eq!(ours["namespaces"], all["self"]["namespaces"]);
    let cgroup = std::fs::read_to_string("/proc/self/cgroup").expect("a file");
    assert_eq!(ours["cgroup"], json!(cgroup.lines().collect::<Vec<_>>()));
    let uid = nix::unistd::getuid();
    assert_eq!(ours["status"]["Uid"], format!("{uid} {uid} {uid} {uid}"));
    assert_eq!(ours["status"]["CapEff"], all["self"]["status"]["CapEff"]);
}

#[test]
fn a_child_that_is_left_holds_the_output() {
    let mut left = Command::new(program())
        .args(["leave-child", "sleep", "1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the guest runs");
    let mut stdout = BufReader::new(left.stdout.take().expect("a pipe"));
    assert_eq!(left.wait().expect("it ends").code(), Some(0));
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        stdout.read_line(line).expect("text");
    }
    // Which comes first is not said.
    lines.sort();
    let pid = lines[0].trim_end().strip_prefix("child ").expect("its id");
    assert_eq!(lines[1], "ready\n");
    let child = Grandchild(Pid::from_raw(pid.parse().expect("a number")));
    kill(child.0, Signal::SIGTERM).expect("it lives");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "");
}

#[test]
fn a_child_that_is_kept_has_no_output() {
    let keeper = Waiting::start(&["keep-child", "sleep", "1000"]);
    let pid = keeper.child.id();
    // In the middle of its exec a process has no arguments.
    let begin = std::time::Instant::now();
    let process = loop {
        let words = |process: &serde_json::Value| process["argv"].as_array().map_or(0, Vec::len);
        let mut all = processes().into_iter();
        if let Some(process) = all.find(|one| one["ppid"] == pid && words(one) > 0) {
            break process;
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "there is no child");
        std::thread::yield_now();
    };
    let child = Grandchild::of(&process);
    assert_eq!(
        process["argv"].as_array().map(|words| &words[1..]),
        Some(&[json!("sleep"), json!("1000")][..])
    );
    keeper.signal(Signal::SIGTERM);
    // The end of the output is seen although the child lives on.
    assert_eq!(keeper.end().0, "");
    kill(child.0, None).expect("it lives");
}

#[test]
fn sleep_tells_that_it_came_to_its_end() {
    assert_eq!(answer(&["sleep", "0.01"]), "ready\nslept 0.01\n");
    assert_eq!(answer(&["sleep", "0.01", "name"]), "ready\nslept 0.01\n");
}
