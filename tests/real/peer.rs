//! A private containerd for one test.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::report::Report;

/// Whether the real tests were asked for.
pub fn wanted() -> bool {
    std::env::var_os("STDCHECK_TEST_PEERS").is_some_and(|value| value == "1")
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/peers")
}

fn peers(args: &[&str]) -> Result<String, String> {
    let output = Command::new(script()).args(args).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The versions that are installed.
pub fn available() -> Vec<String> {
    peers(&["available"]).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A running containerd; stopped and removed when dropped.
pub struct Peer {
    pub socket: String,
    pub cni_conf: String,
    pub cni_bin: String,
    pub netns: String,
    restart: String,
    ctr: String,
    dir: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// One daemon at a time: beside others a runtime is slow, and misses what it sees in quiet.
static ALONE: Mutex<()> = Mutex::new(());

impl Peer {
    /// Starts one; none, and a loud line, where that was not asked for or cannot be had.
    pub fn start(version: &str) -> Option<Peer> {
        if !wanted() {
            eprintln!("SKIPPED: set STDCHECK_TEST_PEERS=1 after scripts/peers install");
            return None;
        }
        if !available().iter().any(|known| known == version) {
            assert_ne!(version, "1.6", "containerd 1.6 is required: scripts/peers install");
            eprintln!("SKIPPED: containerd {version} could not be had");
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::Builder::new().prefix("sc-peer-").tempdir().unwrap();
        let archive = dir.path().join("pause.tar");
        export(&archive, "stdcheck.local/pause:1");
        let home = dir.path().join("d");
        let told =
            peers(&["start", version, home.to_str().unwrap(), archive.to_str().unwrap()]).unwrap();
        let facts: BTreeMap<&str, String> = told
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('\'').to_owned()))
            .collect();
        let bin = Path::new(&facts["bin"]);
        Some(Peer {
            socket: facts["socket"].clone(),
            netns: facts["netns"].clone(),
            restart: facts["restart"].clone(),
            cni_bin: facts["cni_bin"].clone(),
            cni_conf: facts["cni_conf"].clone(),
            ctr: bin.join("ctr").display().to_string(),
            dir,
            _alone: alone,
        })
    }

    /// A folder of its own.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("d")
    }

    /// stdcheck on this containerd with everything allowed.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_at(&self.socket, args)
    }

    /// The same by way of another socket.
    fn command_at(&self, socket: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stdcheck"));
        command
            .args(["cri", "--socket", socket, "--restart-cmd", &self.restart])
            .args(["--cni-conf-dir", &self.cni_conf, "--cni-bin-dir", &self.cni_bin])
            .args(["--runtime-handler", "stdcheck-alt", "--port-mappings"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// The same, and where its JSON report will be.
    pub fn reporting(&self, args: &[&str]) -> (Command, PathBuf) {
        self.reporting_at(&self.socket, args)
    }

    fn reporting_at(&self, socket: &str, args: &[&str]) -> (Command, PathBuf) {
        let path = self.dir.path().join("report.json");
        let mut command = self.command_at(socket, args);
        command.arg("--report").arg(format!("json={}", path.display()));
        (command, path)
    }

    /// Runs it to its end.
    pub fn check(&self, args: &[&str]) -> Report {
        self.check_at(&self.socket, args)
    }

    /// The same by way of another socket.
    pub fn check_at(&self, socket: &str, args: &[&str]) -> Report {
        let (mut command, path) = self.reporting_at(socket, args);
        let status = command.status().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
        Report::read(&path)
    }

    /// The other half: what this containerd owes to network plugins.
    pub fn network_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stdcheck"));
        command
            .args(["cni", "--runtime", &format!("cri:{}", self.socket)])
            .args(["--restart-cmd", &self.restart])
            .args(["--cni-conf-dir", &self.cni_conf, "--cni-bin-dir", &self.cni_bin])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn check_network(&self, args: &[&str]) -> Report {
        let path = self.dir.path().join("network.json");
        let mut command = self.network_command(args);
        let status =
            command.arg("--report").arg(format!("json={}", path.display())).status().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
        Report::read(&path)
    }

    /// The names in the two folders of its network.
    pub fn network_files(&self) -> BTreeSet<PathBuf> {
        [&self.cni_conf, &self.cni_bin]
            .into_iter()
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// Puts our test image on the node under another name.
    pub fn import(&self, name: &str) {
        let archive = self.dir.path().join("own.tar");
        export(&archive, name);
        let done = Command::new(&self.ctr)
            .args(["-a", &self.socket, "-n", "k8s.io", "images", "import"])
            .arg(&archive)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Until a run has made something that it must take away again.
    pub fn await_a_sandbox_of_ours(&self) {
        let begin = Instant::now();
        loop {
            let listed = Command::new(&self.ctr)
                .args(["-a", &self.socket, "-n", "k8s.io", "containers", "list", "-q"])
                .output()
                .unwrap();
            if !listed.stdout.is_empty() {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no sandbox appeared");
            std::thread::yield_now();
        }
    }

    /// Nothing may be left on the daemon but its sandbox image.
    pub fn assert_clean(&self) {
        let left = peers(&["residue", self.home().to_str().unwrap()]).unwrap();
        assert_eq!(left, "", "left behind");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Err(told) = peers(&["stop", self.home().to_str().unwrap(), "--purge"]) {
            eprintln!("stopping the peer: {told}");
        }
    }
}

fn export(archive: &Path, name: &str) {
    let done = Command::new(env!("CARGO_BIN_EXE_stdcheck"))
        .args(["cri", "image", "--name", name, "--export"])
        .arg(archive)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
