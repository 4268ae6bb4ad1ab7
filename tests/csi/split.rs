//! Drivers that are not all in one place: a controller and a node with a socket each, and a node whose
//! files are reached by a command.

use std::os::unix::fs::PermissionsExt as _;

use crate::{
    driver::{Driver, missing, traces_of},
    harness::{Bench, Told},
};

/// Some of everything: the whole suite would take too long here.
const SELECT: &[&str] = &[
    "csi.endpoints.*",
    "csi.process.*",
    "csi.identity.*",
    "csi.unimplemented.*",
    "csi.data-path.*",
    "csi.node-stage.*",
    "csi.controller-publish.*",
];

fn run(bench: &Bench, flags: &[&str]) -> Told {
    let report = format!("json={}", bench.file("out.json").display());
    let mut all = vec!["csi", "--report", &report];
    all.extend(SELECT.iter().flat_map(|words| ["--select", words]));
    all.extend(flags);
    let mut told = bench.stdcheck(&all);
    told.report = bench.report();
    told
}

fn nothing_is_found(bench: &Bench, told: &Told) {
    for verdict in ["fail", "error", "warn"] {
        assert_eq!(told.with_verdict(verdict), [], "{verdict}");
    }
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    assert_eq!(traces_of(bench), Vec::<String>::new());
}

#[test]
fn a_controller_and_a_node() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let controller = Driver::start_as("controller", &bench, &["--serve=controller,group,metadata"]);
    let node = Driver::start_as("node", &bench, &["--serve=node"]);
    let (of_controller, of_node) = (controller.endpoint(), node.endpoint());
    let flags = ["--controller-endpoint", &of_controller, "--node-endpoint", &of_node];
    let told = run(&bench, &flags);
    nothing_is_found(&bench, &told);
    // What only two endpoints show, and what takes both.
    for id in [
        "csi.process.mode[controller]",
        "csi.process.mode[node]",
        "csi.endpoints.node",
        "csi.data-path.write-and-read[mount]",
    ] {
        assert_eq!(told.check(id)["verdict"], "pass", "{id}");
    }
}

#[test]
fn a_node_that_a_command_reaches() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let driver = Driver::start(&bench, &[]);
    let endpoint = driver.endpoint();
    let beside = run(&bench, &["--endpoint", &endpoint]);
    nothing_is_found(&bench, &beside);
    // As `ssh` does it: the words become one line for another shell.
    let command = bench.write("on-node", "#!/bin/sh\nexec sh -c \"$*\"\n");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&command, executable).expect("it is ours");
    let command = command.display().to_string();
    let told = run(&bench, &["--endpoint", &endpoint, "--node-command", &command]);
    nothing_is_found(&bench, &told);
    assert_eq!(told.verdicts(), beside.verdicts());
}
