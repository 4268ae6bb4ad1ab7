//! The guest, run on this machine as a plain process: what its commands print, and how they end.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use stdcheck::image::GUEST;
use tempfile::TempDir;

#[path = "guest/processes.rs"]
mod processes;

/// The guest as a file. Every test waits for it here: a process started while it is being written would hold it open,
/// and the kernel would refuse to run it.
fn program() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("guest");
        std::fs::write(&path, GUEST).expect("the guest is written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
            .expect("it is made executable");
        folder
    });
    folder.path().join("guest")
}

fn run(args: &[&str]) -> Output {
    Command::new(program()).args(args).output().expect("the guest runs")
}

/// A run that must succeed: its stdout.
fn answer(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn json_lines(text: &[u8]) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(&line.expect("text")).expect("JSON")).collect()
}

/// A command that waits, with what it prints.
struct Waiting {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// Its line that begins with `ready`.
    ready: String,
}

impl Waiting {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the guest runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut ready = String::new();
        while !ready.starts_with("ready") {
            ready.clear();
            let length = stdout.read_line(&mut ready).expect("text");
            assert_ne!(length, 0, "{args:?} ended");
        }
        Self { child, stdout, ready: ready.trim_end().to_owned() }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        kill(pid, signal).expect("the signal is sent");
    }

    /// By number, and through a shell: nix knows no real-time signals.
    fn real_time_signal(&self, number: u32) {
        let command = format!("kill -{number} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &command]).status();
        assert!(sent.expect("a shell").success());
    }

    /// What it printed after `ready`, and how it ended.
    fn end(mut self) -> (String, std::process::ExitStatus) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (rest, self.child.wait().expect("it ends"))
    }
}

impl Drop for Waiting {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn commands_that_wait_end_at_once_when_asked() {
    let hog = "5000000";
    let waiting: [&[&str]; 5] = [&[], &["pause"], &["sleep"], &["sleep", "1000"], &["hog", hog]];
    for args in waiting {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let waiting = Waiting::start(args);
            waiting.signal(signal);
            let (rest, status) = waiting.end();
            assert_eq!((rest.as_str(), status.code()), ("", Some(0)), "{args:?} at {signal}");
        }
    }
}

#[test]
fn exit_codes_are_as_asked_for() {
    for code in [0, 1, 42, 255] {
        assert_eq!(run(&["exit", &code.to_string()]).status.code(), Some(code));
    }
    assert_eq!(run(&["sleep", "0.001"]).status.code(), Some(0));
}

#[test]
fn wrong_calls_are_told_apart() {
    let wrong: [&[&str]; 6] = [
        &["dance"],
        &["exit"],
        &["exit", "256"],
        &["sleep", "-1"],
        &["read"],
        &["listen", "sctp", "1"],
    ];
    for args in wrong {
        let output = run(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        assert!(output.stderr.starts_with(b"guest: "), "{args:?}");
    }
}

#[test]
fn signals_are_ignored_but_for_the_one_that_cannot_be() {
    let waiting = Waiting::start(&["ignore-signals"]);
    for signal in
        [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGSEGV]
    {
        waiting.signal(signal);
    }
    for number in [34, 64] {
        waiting.real_time_signal(number);
    }
    waiting.signal(Signal::SIGKILL);
    let (rest, status) = waiting.end();
    assert_eq!((rest.as_str(), status.signal()), ("", Some(9)));
}

#[test]
fn a_signal_is_named_and_gives_the_exit_code() {
    for signal in
        [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGSYS, Signal::SIGSEGV]
    {
        let waiting = Waiting::start(&["exit-on-signal", "7"]);
        waiting.signal(signal);
        let (rest, status) = waiting.end();
        assert_eq!((rest, status.code()), (format!("signal {signal}\n"), Some(7)));
    }
}

#[test]
fn real_time_signals_are_counted_from_both_ends() {
    for (number, name) in [
        (34, "SIGRTMIN"),
        (37, "SIGRTMIN+3"),
        (49, "SIGRTMIN+15"),
        (50, "SIGRTMAX-14"),
        (64, "SIGRTMAX"),
    ] {
        let waiting = Waiting::start(&["exit-on-signal", "7"]);
        waiting.real_time_signal(number);
        let (rest, status) = waiting.end();
        assert_eq!((rest, status.code()), (format!("signal {name}\n"), Some(7)));
    }
}

#[test]
fn the_report_tells_what_the_process_sees() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path().canonicalize().expect("it is there");
    let output = Command::new(program())
        .args(["report", "kernel.ostype", "kernel/osrelease", "no.such"])
        .env_clear()
        .env("PLAIN", "a=b")
        .env("EMPTY", "")
        .current_dir(&folder)
        .output()
        .expect("the guest runs");
    let report = &json_lines(&output.stdout)[0];
    assert!(report["pid"].as_u64() > Some(1));
    assert_eq!(report["ppid"], std::process::id());
    assert_eq!(report["argv"].as_array().map(Vec::len), Some(5));
    assert_eq!(report["argv"][1], "report");
    assert_eq!(report["env"], json!([["RU1QVFk=", ""], ["UExBSU4=", "YT1i"]]));
    assert_eq!(report["cwd"], folder.to_str().expect("text"));
    assert_eq!(report["uid"], nix::unistd::getuid().as_raw());
    assert_eq!(report["gid"], nix::unistd::getgid().as_raw());
    let groups: Vec<u32> =
        nix::unistd::getgroups().expect("groups").iter().map(|group| group.as_raw()).collect();
    assert_eq!(report["groups"], json!(groups));
    assert_eq!(report["hostname"].as_str(), nix::unistd::gethostname().expect("a name").to_str());
    assert_eq!(report["tty"], json!([false, false, false]));
    for (member, path) in [("cgroup", "/proc/self/cgroup"), ("uid_map", "/proc/self/uid_map")] {
        assert_eq!(
            report[member].as_str(),
            std::fs::read_to_string(path).ok().as_deref(),
            "{member}"
        );
    }
    assert!(report["status"].as_str().is_some_and(|text| text.contains("CapEff:")));
    assert!(report["mountinfo"].is_string() && report["oom_score_adj"].is_i64());
    let net = std::fs::read_link("/proc/self/ns/net").expect("a link");
    assert_eq!(report["namespaces"]["net"].as_str(), net.to_str());
    assert_eq!(report["sysctl"]["kernel.ostype"], "Linux");
    assert!(report["sysctl"]["kernel/osrelease"].is_string());
    assert_eq!(report["sysctl"]["no.such"], Value::Null);
}

#[test]
fn files_are_written_read_listed_and_looked_at() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("file").display().to_string();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("file", &link).expect("a link");
    let (folder_path, link) = (folder.path().display().to_string(), link.display().to_string());

    let written = answer(&["write", &file, "a \"b\"\n\u{1}"]);
    assert_eq!(json_lines(written.as_bytes()), [json!({ "path": file, "written": 7 })]);

    let read = run(&["read", &file, "/no/such", &folder_path]);
    assert_eq!(read.status.code(), Some(1));
    let expected = [
        json!({ "path": file, "size": 7, "text": "a \"b\"\n\u{1}", "base64": "YSAiYiIKAQ==" }),
        json!({ "path": "/no/such", "error": "ENOENT", "errno": 2 }),
        json!({ "path": folder_path, "error": "EISDIR", "errno": 21 }),
    ];
    assert_eq!(json_lines(&read.stdout), expected);

    let listed = answer(&["ls", &folder_path]);
    assert_eq!(
        json_lines(listed.as_bytes()),
        [json!({ "path": folder_path, "entries": ["file", "link"] })]
    );

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o4640)).expect("permissions");
    let looked = json_lines(answer(&["stat", &file, &folder_path, &link, "/dev/null"]).as_bytes());
    let types: Vec<_> = looked.iter().map(|line| &line["type"]).collect();
    assert_eq!(types, ["file", "directory", "symlink", "character"]);
    assert_eq!((&looked[0]["mode"], &looked[0]["size"]), (&json!("4640"), &json!(7)));
    assert_eq!((&looked[0]["target"], &looked[2]["target"]), (&Value::Null, &json!("file")));
}

#[test]
fn text_goes_to_the_stream_that_was_named() {
    assert_eq!(answer(&["echo", "a", "b  c"]), "a b  c\n");
    let output = run(&["stderr", "a", "b"]);
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b""[..], &b"a b\n"[..]));
    let output = run(&["both", "out", "err", "3"]);
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn bytes_are_printed_as_they_are() {
    let output = run(&["print", "stdout", r"a\n\nb\\\xff\x00", "both", " c", "stderr", r"d\n"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(&output.stdout[..], b"a\n\nb\\\xff\x00 c");
    assert_eq!(&output.stderr[..], b" cd\n");
    for wrong in [r"\t", r"\x0", r"\xzz", r"\"] {
        assert_eq!(run(&["print", "stdout", wrong]).status.code(), Some(64), "{wrong}");
    }
    assert_eq!(run(&["print", "stdout", "a", "stderr"]).status.code(), Some(64));
    assert_eq!(run(&["print", "nowhere", "a"]).status.code(), Some(64));
}

#[test]
fn every_place_of_a_ruler_says_where_it_is() {
    let long = answer(&["ruler", "stdout", "40000"]);
    assert_eq!(long.len(), 40_001);
    assert!(long.starts_with("0000000 0000008 0000016 "));
    assert!(long.ends_with(" 0039992 \n"));
    assert_eq!(answer(&["ruler", "stdout", "11"]), "0000000 000\n");
    assert_eq!(run(&["ruler", "stderr", "2"]).stderr, b"00\n");
}

#[test]
fn counted_lines_are_numbered_until_they_are_enough_or_a_signal_comes() {
    let output = run(&["count", "both", "3"]);
    let lines = b"line 0000001\nline 0000002\nline 0000003\n";
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&lines[..], &lines[..]));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(answer(&["count", "stdout", "2", "0.001"]), "line 0000001\nline 0000002\n");

    let mut child = Command::new(program())
        .args(["count", "stdout", "1000000", "1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the guest runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("text");
    assert_eq!(first, "line 0000001\n");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGTERM)
        .expect("it is sent");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn output_that_is_lost_is_told() {
    let full = std::fs::File::create("/dev/full").expect("a device");
    let output =
        Command::new(program()).args(["echo", "a"]).stdout(full).output().expect("the guest runs");
    assert_eq!(output.status.code(), Some(74));
}

#[test]
fn memory_is_resident_once_it_is_ready() {
    let waiting = Waiting::start(&["hog", "30000000"]);
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", waiting.child.id())).expect("it lives");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kib: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kib * 1024 > 30_000_000, "{kib} KiB");
    waiting.signal(Signal::SIGTERM);
    assert_eq!(waiting.end().1.code(), Some(0));
}

#[test]
fn spinning_ends_by_itself() {
    assert_eq!(answer(&["spin", "0.01"]), "spun 0.01\n");
}

#[test]
fn the_echo_server_answers() {
    for protocol in ["tcp", "udp"] {
        let server = Waiting::start(&["listen", protocol, "0", "127.0.0.1"]);
        let port = server.ready.strip_prefix("ready 127.0.0.1:").expect("an address");
        assert_eq!(answer(&["connect", protocol, "127.0.0.1", port, "hello"]), "hello\n");
        server.signal(Signal::SIGTERM);
        assert_eq!(server.end().1.code(), Some(0));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let refused = run(&["listen", "tcp", &port, "127.0.0.1"]);
    assert_eq!(refused.status.code(), Some(1));
    drop(taken);
    let refused = run(&["connect", "tcp", "127.0.0.1", &port, "hello"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.starts_with(b"guest: 127.0.0.1:"));
}
