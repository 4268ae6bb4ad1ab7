//! Plugins for tests.

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use crate::harness::Bench;

/// A plugin that is a shell script: it reads its standard input first.
pub fn script(bench: &Bench, name: &str, body: &str) -> PathBuf {
    let path = bench.write(name, &format!("#!/bin/sh\nconfig=$(cat)\n{body}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

/// One that answers VERSION, and does `body` for everything else.
pub fn answering(bench: &Bench, name: &str, body: &str) -> PathBuf {
    let version = r#"{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}"#;
    let body = format!("[ \"$CNI_COMMAND\" = VERSION ] && {{ echo '{version}'; exit 0; }}\n{body}");
    script(bench, name, &body)
}

/// The recording delegate as a plugin: it gives addresses, and does it well.
pub fn delegate(bench: &Bench) -> PathBuf {
    let path = bench.file("stdcheck-delegate");
    symlink(env!("CARGO_BIN_EXE_stdcheck"), &path).expect("the folder is ours");
    path
}

/// A configuration for any of them.
pub fn config(bench: &Bench) -> PathBuf {
    bench.write("net.conf", r#"{"cniVersion":"1.0.0","name":"n","type":"x","ipam":{}}"#)
}
