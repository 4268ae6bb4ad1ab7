//! The recording delegate as a plugin runs it: this program under another name, in all its modes.

use std::{
    collections::BTreeSet,
    io::Write,
    os::unix::{fs::symlink, process::ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};
use stdcheck::delegate::{self, Behaviour, Call, Mode, Plan};
use tempfile::TempDir;

/// A folder with the delegate's plan and log, and a CNI_PATH that has it.
struct Place {
    folder: TempDir,
    plugins: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap(), plugins: TempDir::new().unwrap() };
        symlink(env!("CARGO_BIN_EXE_stdcheck"), place.program(delegate::NAME)).unwrap();
        place
    }

    fn planned(command: &str, behaviour: Behaviour) -> Self {
        let place = Self::new();
        Plan::of(command, behaviour).write(place.folder.path()).unwrap();
        place
    }

    fn program(&self, name: &str) -> PathBuf {
        self.plugins.path().join(name)
    }

    fn start(&self, command: &str, config: &[u8]) -> Child {
        let mut child = Command::new(self.program(delegate::NAME))
            .env_clear()
            .env("CNI_COMMAND", command)
            .env("CNI_CONTAINERID", "c1")
            .env("OTHER", "kept")
            .env(delegate::FOLDER_VARIABLE, self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(config).unwrap();
        child
    }

    fn call(&self, command: &str, config: &Value) -> Output {
        self.start(command, config.to_string().as_bytes()).wait_with_output().unwrap()
    }

    fn log(&self) -> Vec<Call> {
        delegate::read_log(&std::fs::read(self.folder.path().join(delegate::log::FILE)).unwrap())
    }
}

fn reply(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn without_a_plan_every_command_succeeds_and_is_noted() {
    let place = Place::new();
    let config = json!({ "cniVersion": "1.0.0", "name": "n", "ipam": { "type": delegate::NAME } });
    let added = place.call("ADD", &config);
    assert_eq!(added.status.code(), Some(0));
    assert_eq!(reply(&added)["ips"][0]["address"], "10.123.0.2/24");
    assert_eq!(reply(&place.call("ADD", &config))["ips"][0]["address"], "10.123.0.3/24");
    for command in ["DEL", "CHECK", "STATUS", "GC"] {
        let output = place.call(command, &config);
        assert_eq!((output.status.code(), output.stdout), (Some(0), vec![]), "{command}");
    }
    let versions = reply(&place.call("VERSION", &json!({ "cniVersion": "0.4.0" })));
    assert_eq!(versions["cniVersion"], "0.4.0");
    assert_eq!(versions["supportedVersions"].as_array().map(Vec::len), Some(7));

    let log = place.log();
    let commands: Vec<&str> = log.iter().map(|call| call.command.as_str()).collect();
    assert_eq!(commands, ["ADD", "ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"]);
    let first = &log[0];
    assert_eq!(first.config.as_ref(), Some(&config));
    assert_eq!(first.stdin, config.to_string());
    assert_eq!(first.name, delegate::NAME);
    assert_eq!(first.env["CNI_CONTAINERID"], "c1");
    assert_eq!(first.env["OTHER"], "kept");
    assert!(first.at <= log[1].at);
    assert_ne!(first.pid, log[1].pid);
}

#[test]
fn an_error_is_the_one_that_was_planned() {
    let behaviour = Behaviour {
        code: Some(42),
        msg: Some("no luck".into()),
        details: Some("none at all".into()),
        stderr: Some("marker".into()),
        exit: Some(3),
        ..Behaviour::of(Mode::Error)
    };
    let place = Place::planned("CHECK", behaviour);
    let output = place.call("CHECK", &json!({ "cniVersion": "1.1.0" }));
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stderr, b"marker");
    assert_eq!(
        reply(&output),
        json!({ "cniVersion": "1.1.0", "code": 42, "msg": "no luck", "details": "none at all" })
    );
    assert_eq!(place.call("DEL", &json!({})).status.code(), Some(0));
}

#[test]
fn a_result_is_printed_as_it_was_planned() {
    let result = json!({ "cniVersion": "9.9.9", "odd": [1, null] });
    let behaviour = Behaviour { result: Some(result.clone()), delay_ms: 1, ..Behaviour::default() };
    let place = Place::planned("ADD", behaviour);
    assert_eq!(reply(&place.call("ADD", &json!({}))), result);
}

#[test]
fn only_the_call_that_was_meant_is_bent() {
    let behaviour = Behaviour { only_at: Some(2), ..Behaviour::of(Mode::BareExit) };
    let place = Place::planned("DEL", behaviour);
    let exits: Vec<Option<i32>> =
        (0..3).map(|_| place.call("DEL", &json!({})).status.code()).collect();
    assert_eq!(exits, [Some(0), Some(1), Some(0)]);
}

#[test]
fn bad_answers_are_bad_in_their_own_way() {
    let of = |mode| Place::planned("ADD", Behaviour::of(mode)).call("ADD", &json!({}));
    let garbage = of(Mode::Garbage);
    assert_eq!(garbage.status.code(), Some(0));
    assert!(serde_json::from_slice::<Value>(&garbage.stdout).is_err());
    assert!(!garbage.stdout.is_empty());
    let empty = of(Mode::Empty);
    assert_eq!((empty.status.code(), empty.stdout.len()), (Some(0), 0));
    let bare = of(Mode::BareExit);
    assert_eq!((bare.status.code(), bare.stdout.len()), (Some(1), 0));
    let crash = of(Mode::Crash);
    assert_eq!((crash.status.signal(), crash.stdout.len()), (Some(nix::libc::SIGABRT), 0));
    assert!(!crash.status.core_dumped());
    assert_eq!(of(Mode::Flood).stdout.len(), 32 << 20);
}

#[test]
fn one_that_hangs_has_noted_its_call() {
    let place = Place::planned("ADD", Behaviour::of(Mode::Hang));
    let mut child = place.start("ADD", b"{}");
    let log = place.folder.path().join(delegate::log::FILE);
    while !std::fs::read(&log).is_ok_and(|bytes| bytes.ends_with(b"\n")) {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(nix::libc::SIGKILL));
    assert_eq!(place.log().len(), 1);
}

#[test]
fn calls_side_by_side_get_addresses_and_lines_of_their_own() {
    let place = Place::new();
    let config = json!({ "cniVersion": "1.0.0", "padding": "x".repeat(20_000) }).to_string();
    let children: Vec<Child> = (0..16).map(|_| place.start("ADD", config.as_bytes())).collect();
    let addresses: BTreeSet<String> = children
        .into_iter()
        .map(|child| reply(&child.wait_with_output().unwrap())["ips"][0]["address"].to_string())
        .collect();
    assert_eq!(addresses.len(), 16);
    let log = place.log();
    assert_eq!(log.len(), 16);
    assert!(log.iter().all(|call| call.stdin == config));
}

#[test]
fn its_own_failures_are_error_objects() {
    let place = Place::new();
    let output = place.start("ADD", b"no JSON").wait_with_output().unwrap();
    assert_eq!((output.status.code(), reply(&output)["code"].clone()), (Some(1), json!(6)));
    assert_eq!(place.log()[0].config, None);
    assert_eq!(place.log()[0].stdin, "no JSON");
    let unknown = place.call("EAT", &json!({}));
    assert_eq!((unknown.status.code(), reply(&unknown)["code"].clone()), (Some(1), json!(4)));
    std::fs::write(place.folder.path().join("plan.json"), "{").unwrap();
    let broken = place.call("ADD", &json!({ "cniVersion": "1.0.0" }));
    assert_eq!((broken.status.code(), reply(&broken)["code"].clone()), (Some(1), json!(5)));
    assert_eq!(reply(&broken)["cniVersion"], "1.0.0");
}

#[test]
fn a_suffix_tells_several_delegates_apart() {
    let place = Place::new();
    let name = "stdcheck-delegate-other";
    symlink(env!("CARGO_BIN_EXE_stdcheck"), place.program(name)).unwrap();
    let output = Command::new(place.program(name))
        .env("CNI_COMMAND", "GC")
        .env(delegate::FOLDER_VARIABLE, place.folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(place.log()[0].name, name);
}
