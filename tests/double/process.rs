//! The double as a process of its own, whose death is real: the test executable started once more.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    listen::Connections,
    proxy,
    rule::{Rule, read_text},
    server::Double,
    state::{State, Store},
};

/// Holds what such a process is to do, a [`Part`] as JSON.
pub const ENVIRONMENT: &str = "STDCHECK_DOUBLE";
/// The name of the test function that calls [`serve_if_told`].
const ENTRY: &str = "double_process";
/// What it prints when it can be connected to.
const SERVING: &str = "the double serves";

/// What a process plays.
#[derive(Serialize, Deserialize)]
pub enum Part {
    /// A double.
    Double(Orders),
    /// A proxy before a real runtime.
    Proxy(proxy::Orders),
}

/// What a double is told.
#[derive(Serialize, Deserialize)]
pub struct Orders {
    folder: PathBuf,
    /// A file of rules, as text.
    rules: String,
}

/// The body of the entry: serves until it is killed, if it was started for that.
pub fn serve_if_told() {
    let Ok(part) = std::env::var(ENVIRONMENT) else { return };
    let part: Part = serde_json::from_str(&part).expect("orders as we wrote them");
    match &part {
        Part::Double(orders) => forever(play(orders)),
        Part::Proxy(orders) => forever(orders.obey()),
    }
}

/// Keeps something and says that it can be connected to.
fn forever<T>(_serving: T) {
    println!("{SERVING}");
    loop {
        std::thread::park();
    }
}

fn play(orders: &Orders) -> Double {
    let folder = &orders.folder;
    std::fs::write(folder.join("pid"), std::process::id().to_string()).expect("the folder is ours");
    let store = Arc::new(Store::new(Some(folder.join("state"))));
    let die = || kill(Pid::this(), Signal::SIGKILL).expect("a process may kill itself");
    let double =
        Double::with(&folder.join("cri.sock"), store, Connections::default(), Arc::new(die));
    for difference in read_text("orders", &orders.rules).expect("sound rules") {
        double.bend(&Rule::new(&difference).expect("a sound rule"));
    }
    double
}

/// Starts this executable once more to play a part, by way of another command where one is given; when
/// this returns, it can be connected to.
pub fn start(within: &[String], part: &Part) -> Child {
    let executable = executable().display().to_string();
    let words: Vec<&str> =
        within.iter().map(String::as_str).chain([executable.as_str()]).chain(arguments()).collect();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .env(ENVIRONMENT, serde_json::to_string(part).expect("orders are JSON"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test executable can be started");
    let mut told = BufReader::new(child.stdout.take().expect("a pipe"));
    let serving = told.by_ref().lines().any(|line| line.is_ok_and(|line| line.contains(SERVING)));
    assert!(serving, "the process ended before it served");
    // Kept open: after a minute it says something, and would end if nobody could hear that.
    child.stdout = Some(told.into_inner());
    child
}

/// A double that runs as a process of its own. It keeps its state in a file, over deaths.
pub struct DoubleProcess {
    folder: PathBuf,
    orders: String,
    child: Child,
}

impl DoubleProcess {
    /// Starts one that differs by the rules in a text; when this returns, it can be connected to.
    pub fn start(folder: &Path, rules: &str) -> DoubleProcess {
        let orders = Orders { folder: folder.to_owned(), rules: rules.to_owned() };
        let part = Part::Double(orders);
        let orders = serde_json::to_string(&part).expect("orders are JSON");
        DoubleProcess { folder: folder.to_owned(), orders, child: start(&[], &part) }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("cri.sock")
    }

    /// A shell command that ends it, if it lives, and starts it again with the same rules.
    pub fn restart_command(&self) -> String {
        let folder = quoted(&self.folder.display().to_string());
        let words: Vec<String> = std::iter::once(quoted(&executable().display().to_string()))
            .chain(arguments().map(quoted))
            .collect();
        let (start, orders) = (words.join(" "), quoted(&self.orders));
        format!(
            "cd {folder}; kill -9 $(cat pid); rm -f cri.sock; \
             {ENVIRONMENT}={orders} {start} </dev/null >/dev/null 2>&1 &"
        )
    }

    /// What it holds.
    pub fn state(&self) -> State {
        Store::new(Some(self.folder.join("state"))).state()
    }

    /// Whether the first process still runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }
}

impl Drop for DoubleProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The one that the restart command started, if that is what has this process id.
        let pid = std::fs::read_to_string(self.folder.join("pid")).ok();
        let Some(pid) = pid.and_then(|pid| pid.parse::<i32>().ok()) else { return };
        if std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == executable()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn executable() -> PathBuf {
    std::env::current_exe().expect("a process knows its executable")
}

fn arguments() -> [&'static str; 4] {
    [ENTRY, "--exact", "--ignored", "--nocapture"]
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).expect("no NUL in it").into_owned()
}
