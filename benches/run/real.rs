//! The whole suite on a real containerd, with everything allowed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{STDCHECK, measure};

const VERSION: &str = "2.1";

/// A daemon of our own; dropping it takes it away.
struct Peer {
    folder: PathBuf,
    told: BTreeMap<String, String>,
}

/// Prints what the runs cost, or why there are none.
pub fn print(folder: &Path) {
    let Some(peer) = Peer::start(folder) else {
        println!(
            "on containerd {VERSION}: skipped, it cannot be started (scripts/peers install {VERSION})"
        );
        return;
    };
    println!("the whole suite on containerd {VERSION}:");
    let of = |name: &str| peer.told.get(name).map_or("", String::as_str);
    let flags = [
        ["--socket", of("socket")],
        ["--restart-cmd", of("restart")],
        ["--cni-conf-dir", of("cni_conf")],
        ["--cni-bin-dir", of("cni_bin")],
        ["--runtime-handler", "stdcheck-alt"],
    ]
    .concat();
    for jobs in ["1", "8"] {
        let measured =
            measure::run("cri", &[&flags[..], &["--port-mappings", "-j", jobs]].concat());
        println!("  -j {jobs}: {measured}");
    }
}

impl Peer {
    fn start(folder: &Path) -> Option<Peer> {
        let archive = folder.join("pause.tar");
        let exported = Command::new(STDCHECK)
            .args(["cri", "image", "--name", "stdcheck.local/pause:1", "--export"])
            .arg(&archive)
            .output()
            .expect("it was built");
        assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
        let folder = folder.join("peer");
        let started = peers(&["start", VERSION], &[&folder, &archive]).output().ok()?;
        if !started.status.success() {
            return None;
        }
        let text = String::from_utf8_lossy(&started.stdout);
        // KEY=VALUE, the value quoted for a shell.
        let told = text.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((key.to_owned(), shlex::split(value)?.into_iter().next()?))
        });
        Some(Peer { folder, told: told.collect() })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let stopped = peers(&["stop"], &[&self.folder, Path::new("--purge")]).status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("{} is left: scripts/peers stop it", self.folder.display());
        }
    }
}

fn peers(words: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/peers"));
    command.args(words).args(paths);
    command
}
