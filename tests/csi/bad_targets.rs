//! Drivers that are none, die, or cannot be started: one message, the right exit code.

use std::os::unix::net::UnixListener;

use crate::{
    driver::missing,
    harness::{Bench, Told},
};

#[test]
fn a_socket_that_is_not_there() {
    let bench = Bench::new();
    let told = bench.stdcheck(["csi", "--endpoint", "/nowhere/csi.sock"]);
    assert_eq!(told.code, 3);
    assert!(told.message().contains("there is no socket /nowhere/csi.sock"), "{told:?}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_socket_that_says_nothing() {
    let bench = Bench::new();
    let socket = bench.file("mute.sock");
    let _mute = UnixListener::bind(&socket).expect("the folder is ours");
    let told = bench.stdcheck(["csi", "--endpoint", &socket.display().to_string()]);
    assert_eq!(told.code, 3);
    assert!(told.message().contains("answers nothing: is it a gRPC socket?"), "{told:?}");
}

#[test]
fn nobody_is_named() {
    let bench = Bench::new();
    let told = bench.stdcheck(["csi", "--select", "csi.probe.*"]);
    assert_eq!(told.code, 2);
    assert!(told.message().contains("--driver PROGRAM"), "{told:?}");
}

#[test]
fn a_driver_that_ends_at_once() {
    let bench = Bench::new();
    let arguments = ["csi", "--driver", "sh", "--", "-c", "echo no such flag >&2; exit 7"];
    let told = bench.stdcheck(arguments);
    assert_eq!(told.code, 3);
    let message = &told.stderr;
    assert!(message.contains("no such flag") && message.contains('7'), "{told:?}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_program_that_is_none() {
    let bench = Bench::new();
    let told = bench.stdcheck(["csi", "--driver", "/nowhere/driver"]);
    assert_eq!(told.code, 2);
    assert!(told.message().contains("there is no such program"), "{told:?}");
}

#[test]
fn a_configuration_with_a_mistake() {
    let bench = Bench::new();
    let config = bench.write("driver.toml", "[secret]\npassword = \"hidden-value\"\n");
    let config = config.display().to_string();
    let told = bench.stdcheck(["csi", "--endpoint", "/nowhere.sock", "--config", &config]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("unknown field `secret`"), "{told:?}");
}

/// Runs checks on the reference driver with a mistake, started by stdcheck.
fn with_defect(bench: &Bench, defect: &str, flags: &[&str]) -> Told {
    let report = format!("json={}", bench.file("out.json").display());
    let stdcheck = env!("CARGO_BIN_EXE_stdcheck");
    let mut all = vec!["csi", "--report", &report];
    all.extend(flags);
    all.extend(["--driver", stdcheck, "--", "reference", "csi", "--endpoint={endpoint}"]);
    all.extend(["--state={state}", "--defect", defect]);
    let mut told = bench.stdcheck(all);
    told.report = bench.report();
    told
}

#[test]
fn a_driver_that_dies_in_the_middle_costs_one_finding() {
    if missing() {
        return;
    }
    for jobs in ["1", "4"] {
        let bench = Bench::new();
        let flags = ["-j", jobs, "--select", "csi.volume-name.*"];
        let told = with_defect(&bench, "dies-of-long-name", &flags);
        assert_eq!(told.ids("fail"), ["csi.volume-name.banned[bytes-129]"], "{}", told.stdout);
        // Whoever was in the way ran once more.
        assert_eq!(told.with_verdict("error"), [], "{}", told.stdout);
        // What the call may have made is not made once more to be found.
        assert_eq!(told.report["unattributed_deaths"], serde_json::json!([]));
        assert_eq!(told.code, 1);
        assert_eq!(bench.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_driver_that_ends_when_a_client_goes_is_judged_nevertheless() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let selected = ["csi.process.goes-on", "csi.probe.*", "csi.data-path.*"];
    let flags: Vec<&str> = selected.iter().flat_map(|words| ["--select", words]).collect();
    let told = with_defect(&bench, "exit-on-disconnect", &flags);
    assert_eq!(told.ids("fail"), ["csi.process.goes-on"], "{}", told.stdout);
    assert_eq!(told.with_verdict("error"), [], "{}", told.stdout);
    assert_eq!(told.report["deaths"].as_array().map(Vec::len), Some(1), "its end, once");
    assert!(told.ids("pass").len() > 5, "{}", told.stdout);
    assert_eq!(told.code, 1);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

/// What a driver says becomes the reason of what could not be made.
#[test]
fn a_secret_that_the_driver_repeats_stands_in_no_report() {
    const SECRET: &str = "never-to-be-seen";
    if missing() {
        return;
    }
    let bench = Bench::new();
    let config = format!("[secrets]\n\"stdcheck.dev/token\" = \"{SECRET}\"\n");
    let config = bench.write("driver.toml", &config).display().to_string();
    let report = format!("json={}", bench.file("out.json").display());
    let junit = bench.file("out.xml");
    let stdcheck = env!("CARGO_BIN_EXE_stdcheck");
    let mut told = bench.stdcheck([
        "csi",
        "--config",
        &config,
        "--report",
        &report,
        "--report",
        &format!("junit={}", junit.display()),
        "--select",
        "csi.expand-volume.*",
        "--driver",
        stdcheck,
        "--",
        "reference",
        "csi",
        "--endpoint={endpoint}",
        "--state={state}",
        "--defect=secrets-echoed",
        "--require-secret=stdcheck.dev/token=another",
    ]);
    told.report = bench.report();
    assert!(told.with_verdict("error").len() > 3, "{}", told.stdout);
    let junit = std::fs::read_to_string(junit).expect("a report");
    for said in [&told.stdout, &told.stderr, &told.report.to_string(), &junit] {
        assert!(!said.contains(SECRET), "{said}");
    }
    assert!(told.stdout.contains("[redacted]"), "{}", told.stdout);
}
