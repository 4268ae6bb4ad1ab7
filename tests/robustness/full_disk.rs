//! No room for a report: exit code 2, one message, and the other reports whole.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    double::{Answer, Double},
    harness::{Bench, Told},
    strict,
};

/// A finding, so that every report has something to tell.
const SELECT: &[&str] = &["--select", "cri.version.names", "--select", "cri.status.*"];

fn bent(bench: &Bench) -> Double {
    let double = Double::start(bench.path());
    double.bends.after("RuntimeService/Version", |call, answer| {
        if call.nth > 1 {
            *answer = Answer::bytes("");
        }
    });
    double
}

/// The command, with a file system of one page mounted on a folder, for it alone.
fn on_a_full_disk(command: &Command, folder: &Path) -> Option<Told> {
    let may_mount = |flags: &[&str]| {
        let status = Command::new("unshare").args(flags).arg("true").stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let Some(flags) = ways.into_iter().find(|flags| may_mount(flags)) else {
        eprintln!("SKIPPED: no mount namespace of our own is allowed here");
        return None;
    };
    // The page is taken up by another file; empty ones can still be made.
    let script = "mount -t tmpfs -o size=4k none \"$0\" && head -c 4096 /dev/zero >\"$0/full\" && \
                  exec \"$@\"";
    let mut inside = Command::new("unshare");
    inside.args(flags).args(["sh", "-c", script]).arg(folder).arg(command.get_program());
    inside.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    Some(Told::of(&inside.output().expect("unshare can be run")))
}

/// Each report in turn on a disk that is full; the others are whole.
#[test]
fn under_one_report_leaves_the_others_whole() {
    for full in ["junit", "json", "log-dir"] {
        let bench = Bench::new();
        let double = bent(&bench);
        let disk = bench.file("disk");
        std::fs::create_dir(&disk).expect("it is ours");
        let place = |kind: &str, name: &str| match kind == full {
            true => disk.join(name),
            false => bench.file(name),
        };
        let (junit, json) = (place("junit", "out.xml"), place("json", "out.json"));
        let logs = place("log-dir", "logs");
        let socket = double.socket.display().to_string();
        let arguments = [
            "cri".to_owned(),
            format!("--socket={socket}"),
            format!("--report=junit={}", junit.display()),
            format!("--report=json={}", json.display()),
            format!("--log-dir={}", logs.display()),
        ];
        let select = SELECT.iter().map(|&word| word.to_owned());
        let command = bench.command(arguments.into_iter().chain(select));
        let Some(told) = on_a_full_disk(&command, &disk) else { return };

        assert_eq!(told.code, 2, "{full}: {told:?}");
        let message = told.message();
        assert!(message.starts_with("stdcheck: cannot write "), "{message}");
        assert!(message.contains(&disk.display().to_string()), "{message}");
        assert!(message.ends_with("free some space there"), "{message}");
        assert!(told.stdout.contains("exit code     2: a report could not be written"), "{told:?}");
        if full != "junit" {
            strict::validate_junit(&[junit]);
        }
        if full != "json" {
            let report = bench.report();
            assert_eq!(report["counts"]["fail"], 1, "{report}");
        }
        if full != "log-dir" {
            assert!(logs.join("cri.version.names.txt").exists(), "{full}");
        }
        assert_eq!(double.store.state().counts(), (0, 0, 0));
        assert_eq!(bench.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn under_all_reports_has_a_message_for_each() {
    let bench = Bench::new();
    let double = bent(&bench);
    let disk = bench.file("disk");
    std::fs::create_dir(&disk).expect("it is ours");
    let socket = double.socket.display().to_string();
    let at = |name: &str| disk.join(name).display().to_string();
    let arguments = [
        "cri".to_owned(),
        format!("--socket={socket}"),
        format!("--report=junit={}", at("out.xml")),
        format!("--report=json={}", at("out.json")),
    ];
    let select = SELECT.iter().map(|&word| word.to_owned());
    let command = bench.command(arguments.into_iter().chain(select));
    let Some(told) = on_a_full_disk(&command, &disk) else { return };
    assert_eq!(told.code, 2, "{told:?}");
    assert_eq!(told.stderr.lines().count(), 2, "{}", told.stderr);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn under_the_runs_own_folder_is_told_before_anything_is_touched() {
    let bench = Bench::new();
    let double = bent(&bench);
    let socket = double.socket.display().to_string();
    let command = bench.command([&["cri", "--socket", &socket], SELECT].concat());
    let tmp = bench.file("tmp");
    let Some(told) = on_a_full_disk(&command, &tmp) else { return };
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.message().starts_with("stdcheck: cannot make "), "{}", told.stderr);
    assert_eq!(told.stdout, "", "nothing was begun");
}

#[test]
fn under_standard_output() {
    let bench = Bench::new();
    let double = bent(&bench);
    let mut command = bench.command(bench.cri_arguments(&double.socket, SELECT));
    let full: File = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = command.stdout(full).output().expect("stdcheck can be run");
    let told = Told::of(&output);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(
        told.message().starts_with("stdcheck: cannot write to standard output: "),
        "{}",
        told.stderr
    );
    assert_eq!(bench.report()["counts"]["fail"], 1);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}
