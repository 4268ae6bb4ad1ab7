//! Flags that make no sense: exit code 2, or 4 where nothing is selected.

use crate::{double::Double, harness::Bench};

/// Arguments, and what the message holds.
const WRONG: &[(&[&str], &str)] = &[
    (&["--no-such-flag"], "unexpected argument '--no-such-flag'"),
    (&["--select", "color:red"], "`color:` is nothing to select by"),
    (&["--select", "slug:"], "`slug:` selects by nothing"),
    (&["--select", " "], "an empty selection"),
    (&["--select", "level:HIGH"], "`level:HIGH` selects by nothing; there is MUST, SHOULD, MAY"),
    (&["--select", "basis:gut"], "`basis:gut` selects by nothing; there is stated, read, derived"),
    (&["--image", ""], "a value is required for '--image <REF>'"),
    (&["--restart-cmd", ""], "a value is required for '--restart-cmd <CMD>'"),
    (&["--runtime-handler", ""], "a value is required for '--runtime-handler <NAME>'"),
    (
        &["--cni-conf-dir", "/no/such", "--cni-bin-dir", "/"],
        "--cni-conf-dir /no/such: there is no such folder",
    ),
    (
        &["--cni-conf-dir", "/", "--cni-bin-dir", "/dev/null"],
        "--cni-bin-dir /dev/null: there is no such folder",
    ),
    (&["--api", "new"], "`new` is no version like `1.30`"),
    (&["--api", "1"], "`1` is no version like `1.30`"),
    (&["-j", "0"], "0 is not in 1..=64"),
    (&["-j", "many"], "invalid digit"),
    (&["--timeout", "soon"], "invalid value 'soon' for '--timeout <TIME>'"),
    (&["--step-timeout", "5"], "invalid value '5' for '--step-timeout <TIME>'"),
    (&["--deny", "everything"], "invalid value 'everything' for '--deny <partial>'"),
    (&["--report", "xml=out.xml"], "`xml` is no kind of report: choose one of junit, json"),
    (&["--report", "out.xml"], "write KIND=FILE, for example junit=out.xml"),
    (&["--cni-conf-dir", "/etc/cni/net.d"], "--cni-bin-dir <DIR>"),
    (&["--suite", "/no/such/folder"], "cannot read the suite folder /no/such/folder"),
    (&["--registry-listen", "loopback"], "invalid value 'loopback'"),
];

#[test]
fn are_told_before_anything_is_touched() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let socket = double.socket.display().to_string();
    for (arguments, message) in WRONG {
        let told = bench.stdcheck([&["cri", "--socket", &socket], *arguments].concat());
        assert_eq!(told.code, 2, "{arguments:?}: {told:?}");
        assert!(told.stderr.contains(message), "{arguments:?}: {}", told.stderr);
        assert_eq!(told.stdout, "", "{arguments:?}");
    }
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn an_endpoint_that_is_none() {
    let bench = Bench::new();
    for (endpoint, message) in [
        ("npipe://./pipe/cri", "an endpoint is a path, unix:///path or tcp://host:port"),
        ("tcp://localhost", "has no port; write tcp://host:port"),
        ("unix://", "names no socket"),
    ] {
        for command in [&["cri"][..], &["cri", "clean"]] {
            let told = bench.stdcheck([command, &["--endpoint", endpoint]].concat());
            assert_eq!(told.code, 2, "{told:?}");
            assert!(told.message().contains(message), "{}", told.stderr);
        }
    }
}

#[test]
fn a_run_to_clean_that_is_none() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let socket = double.socket.display().to_string();
    let told = bench.stdcheck(["cri", "clean", "--socket", &socket, "--run", "../etc"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.message().contains("an id has eight hexadecimal digits"), "{}", told.stderr);
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
}

#[test]
fn a_standard_that_we_do_not_have() {
    let bench = Bench::new();
    for command in ["list", "lint", "coverage"] {
        let told = bench.stdcheck([command, "posix"]);
        assert_eq!(told.code, 2, "{told:?}");
        assert_eq!(
            told.message(),
            "stdcheck: there is no built-in suite `posix`; built-in: cni, cni-runtime, cri, csi"
        );
    }
}

#[test]
fn a_selection_of_nothing_has_a_code_of_its_own() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let told = bench.cri(&double.socket, &["--select", "cri.no-such-check"]);
    assert_eq!(told.code, 4, "{told:?}");
    assert_eq!(
        told.message(),
        "stdcheck: no check is selected; `stdcheck list cri` shows them all"
    );
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
}

#[test]
fn no_command_at_all_is_shown_what_there_is() {
    let told = Bench::new().stdcheck::<&str>([]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("Usage: stdcheck <COMMAND>"), "{}", told.stderr);
}

/// Arguments of `stdcheck cni`, and what the message holds.
const WRONG_OF_RUNTIMES: &[(&[&str], &str)] = &[
    (&["--runtime", "cri:/none"], "--cni-conf-dir <DIR>"),
    (&["--runtime", "cri:/none", "--cni-conf-dir", "/"], "--cni-bin-dir <DIR>"),
    (&["--runtime", "cri:/none", "--cni-bin-dir", "/"], "--cni-conf-dir <DIR>"),
    (
        &["--runtime", "", FOLDERS[0], FOLDERS[1]],
        "a value is required for '--runtime <cri:SOCKET>'",
    ),
    (&["--runtime", "/none", FOLDERS[0], FOLDERS[1]], "write cri:SOCKET"),
    (&["--runtime", "docker:/none", FOLDERS[0], FOLDERS[1]], "write cri:SOCKET"),
    (&["--runtime", "cri:none://x", FOLDERS[0], FOLDERS[1]], "an endpoint is a path"),
    (
        &["--runtime", "cri:/none", "--cni-conf-dir=/no/such", FOLDERS[1]],
        "--cni-conf-dir /no/such: there is no such folder",
    ),
    (
        &["--runtime", "cri:/none", FOLDERS[0], FOLDERS[1], "--spec", "9.9.9"],
        "--spec 9.9.9: runtimes are judged by 0.3.0 to 1.1.0",
    ),
    (&["bridge", "--runtime", "cri:/none", FOLDERS[0], FOLDERS[1]], "cannot be used with"),
    (&["--all", "--runtime", "cri:/none", FOLDERS[0], FOLDERS[1]], "cannot be used with"),
    (
        &["--runtime", "cri:/none", FOLDERS[0], FOLDERS[1], "--profile", "x.toml"],
        "cannot be used with",
    ),
    (&["bridge", FOLDERS[0], FOLDERS[1]], "cannot be used with"),
    (&["bridge", "--restart-cmd", "true"], "cannot be used with"),
];

/// Two folders that are there.
const FOLDERS: [&str; 2] = ["--cni-conf-dir=/", "--cni-bin-dir=/"];

#[test]
fn those_for_a_runtime_are_told_before_anything_is_touched() {
    let bench = Bench::new();
    for (arguments, message) in WRONG_OF_RUNTIMES {
        let told = bench.stdcheck([&["cni"], *arguments].concat());
        assert_eq!(told.code, 2, "{arguments:?}: {told:?}");
        assert!(told.stderr.contains(message), "{arguments:?}: {}", told.stderr);
        assert_eq!(told.stdout, "", "{arguments:?}");
    }
    let nobody = bench.stdcheck(["cni", "--runtime", "cri:/none", FOLDERS[0], FOLDERS[1]]);
    assert_eq!(nobody.code, 3, "{nobody:?}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}
