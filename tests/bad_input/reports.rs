//! Reports that cannot be written: exit code 2, before the run where that can be known.

use std::os::unix::fs::PermissionsExt as _;

use crate::{
    double::Double,
    harness::{Bench, Told},
};

fn run(bench: &Bench, double: &Double, reports: &[String]) -> Told {
    let socket = double.socket.display().to_string();
    let mut arguments: Vec<&str> =
        vec!["cri", "--socket", &socket, "--select", "cri.version.names"];
    for report in reports {
        arguments.extend(["--report", report]);
    }
    bench.stdcheck(arguments)
}

#[test]
fn are_told_before_anything_is_touched() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let file = bench.write("file", "");
    let there = |path: &str| bench.file(path).display().to_string();
    for (path, message) in [
        (there("no/out.xml"), format!("create the folder {} first", there("no"))),
        (there("tmp"), "Is a directory (os error 21); name a file inside it".to_owned()),
        (there("file/out.xml"), "a part of the path is a file".to_owned()),
    ] {
        let told = run(&bench, &double, &[format!("junit={path}")]);
        assert_eq!(told.code, 2, "{told:?}");
        let expected = format!("stdcheck: cannot write {path}: ");
        assert!(told.message().starts_with(&expected), "{}", told.stderr);
        assert!(told.message().contains(&message), "{}", told.stderr);
    }
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
    assert_eq!(std::fs::read_to_string(file).expect("it is there"), "");
}

#[test]
fn two_may_not_go_to_one_file() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let path = bench.file("out").display().to_string();
    // Spelt in two ways, it is still one file.
    let other = bench.path().join("tmp/../out").display().to_string();
    for second in [&path, &other] {
        let reports = [format!("junit={path}"), format!("json={second}")];
        let told = run(&bench, &double, &reports);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.message().contains("two reports would go to "), "{}", told.stderr);
        assert!(told.message().contains("give each a file of its own"), "{}", told.stderr);
    }
    assert!(!bench.file("out").exists());
}

#[test]
fn a_full_disk_is_told_after_the_run() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let good = bench.file("out.json");
    let reports = ["junit=/dev/full".to_owned(), format!("json={}", good.display())];
    let told = run(&bench, &double, &reports);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.message().starts_with("stdcheck: cannot write /dev/full: "), "{}", told.stderr);
    assert!(told.stdout.contains("exit code     2: a report could not be written"));
    assert!(good.exists(), "the other report is whole");
}

#[test]
fn a_log_folder_that_cannot_be_made() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let file = bench.write("file", "");
    let logs = file.join("logs").display().to_string();
    let told = bench.cri(&double.socket, &["--log-dir", &logs]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.message().starts_with(&format!("stdcheck: cannot write {logs}: ")), "{told:?}");
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
}

#[test]
fn a_temporary_folder_that_cannot_be_written() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let socket = double.socket.display().to_string();
    let mut command = bench.command(["cri", "--socket", &socket, "--select", "cri.version.*"]);
    command.env("TMPDIR", bench.write("file", ""));
    let told = Told::of(&command.output().expect("stdcheck can be run"));
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.message().contains("cannot make "), "{}", told.stderr);
}

#[test]
fn reports_may_be_read_by_others() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let path = bench.file("out.xml");
    let told = run(&bench, &double, &[format!("junit={}", path.display())]);
    assert_eq!(told.code, 0, "{told:?}");
    let mode = std::fs::metadata(&path).expect("it was written").permissions().mode();
    assert_ne!(mode & 0o400, 0, "{mode:o}");
}
