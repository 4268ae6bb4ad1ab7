//! One execution: what came in, and what goes out.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use nix::sched::{CloneFlags, setns};
use serde_json::{Value as Json, json};
use stdcheck::suite::expr::{Scope, Value, value};

use super::history::{self, Entry};

/// What a plugin is given.
#[derive(Clone, Debug)]
pub struct Call {
    pub env: BTreeMap<String, String>,
    pub stdin: Vec<u8>,
}

/// What it gave back.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub exit: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Call {
    /// The one that this process was started for.
    pub fn own(one_read: bool) -> Call {
        const BUFFER: usize = 64 * 1024;
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let env = std::env::vars_os().map(|(name, given)| (text(name), text(given))).collect();
        let mut stdin = Vec::new();
        if one_read {
            stdin.resize(BUFFER, 0);
            let read = std::io::stdin().read(&mut stdin).unwrap_or(0);
            stdin.truncate(read);
        } else {
            let _ = std::io::stdin().read_to_end(&mut stdin);
        }
        Call { env, stdin }
    }

    pub fn var(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    /// The configuration; null where it is no JSON.
    pub fn config(&self) -> Json {
        serde_json::from_slice(&self.stdin).unwrap_or(Json::Null)
    }

    pub fn set_config(&mut self, config: &Json) {
        self.stdin = config.to_string().into_bytes();
    }

    /// As the history has it, not yet ended.
    pub fn entry(&self) -> Entry {
        let config = self.config();
        let network = config["name"].as_str().unwrap_or_default().to_owned();
        Entry {
            command: self.var("CNI_COMMAND").to_owned(),
            id: self.var("CNI_CONTAINERID").to_owned(),
            ifname: self.var("CNI_IFNAME").to_owned(),
            netns: self.var("CNI_NETNS").to_owned(),
            network,
            path: self.var("CNI_PATH").to_owned(),
            config,
            exit: None,
            reply: Json::Null,
        }
    }

    /// Executes a good plugin.
    pub fn execute(&self, program: &Path) -> std::io::Result<Outcome> {
        let mut child = Command::new(program)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // One that does not read it all is told so by nobody.
        let _ = child.stdin.take().expect("a pipe").write_all(&self.stdin);
        let output = child.wait_with_output()?;
        let exit = output.status.code().unwrap_or(134);
        Ok(Outcome { exit, stdout: output.stdout, stderr: output.stderr })
    }

    /// The names that expressions see before the execution.
    pub fn scope(&self, earlier: &[Entry]) -> Scope {
        let own = self.entry();
        let seen = |entry: &&Entry| entry.is_of(&own) && entry.command == own.command;
        let nth = earlier.iter().filter(seen).filter(|entry| entry.exit.is_none()).count();
        let ended: Vec<&Entry> = earlier.iter().filter(|entry| entry.exit.is_some()).collect();
        let told = |entry: &&Entry| value::from_json(&json!(entry));
        let list = |entries: Vec<Value>| Value::List(entries.into());
        let last = ended.iter().rev().find(|entry| {
            entry.is_of(&own) && entry.exit == Some(0) && ["ADD", "DEL"].contains(&&*entry.command)
        });
        let began = earlier.iter().filter(|entry| entry.exit.is_none()).count();
        let running = began - ended.len().min(began);
        let routes = self.routes();
        let attached = last.is_some_and(|entry| entry.command == "ADD");
        let env = self.env.iter().map(|(name, given)| (name.as_str(), Value::from(given.as_str())));
        let text = |text: &str| Value::from(text);
        Scope::from(
            [
                ("command", text(&own.command)),
                ("env", value::map(env)),
                ("config", value::from_json(&own.config)),
                ("version", text(own.config["cniVersion"].as_str().unwrap_or_default())),
                ("nth", Value::Int(i64::try_from(nth).unwrap_or(0) + 1)),
                ("earlier", list(ended.iter().map(told).collect())),
                ("attached", Value::Bool(attached)),
                ("running", Value::Int(i64::try_from(running).unwrap_or(0))),
                ("routes", list(routes.iter().map(|dst| text(dst)).collect())),
                ("netns", text(self.netns_kind())),
                ("links", list(self.links().iter().map(|name| text(name)).collect())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    /// What CNI_NETNS names: `unset`, `missing`, `file`, or `namespace`.
    pub fn netns_kind(&self) -> &'static str {
        let path = self.var("CNI_NETNS");
        if path.is_empty() {
            return "unset";
        }
        let Ok(file) = fs::File::open(path) else { return "missing" };
        let kind = nix::sys::statfs::fstatfs(&file);
        if kind.is_ok_and(|kind| kind.filesystem_type() == nix::sys::statfs::NSFS_MAGIC) {
            "namespace"
        } else {
            "file"
        }
    }

    /// The names of the links in the container's namespace.
    fn links(&self) -> Vec<String> {
        self.inside(links_here).unwrap_or_default()
    }

    /// Where the routes in the container's namespace lead, for IPv4: hexadecimal, as the kernel has it.
    fn routes(&self) -> Vec<String> {
        let read = || fs::read_to_string("/proc/self/net/route").unwrap_or_default();
        let Ok(text) = self.inside(read) else { return Vec::new() };
        let lines = text.lines().skip(1).filter_map(|line| line.split('\t').nth(1));
        lines.map(str::to_owned).collect()
    }

    /// Does something in the container's network namespace. This process has one thread.
    pub fn inside<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        let told = |error: &dyn std::fmt::Display| {
            format!("cannot enter {}: {error}", self.var("CNI_NETNS"))
        };
        let own = fs::File::open("/proc/self/ns/net").map_err(|error| told(&error))?;
        let there = fs::File::open(self.var("CNI_NETNS")).map_err(|error| told(&error))?;
        setns(&there, CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))?;
        let done = work();
        setns(&own, CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))?;
        Ok(done)
    }
}

/// The names of the links in the namespace that this process is in.
pub fn links_here() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim().to_owned()).collect()
}

impl Outcome {
    /// Standard output as JSON; null where it is none.
    pub fn reply(&self) -> Json {
        serde_json::from_slice(&self.stdout).unwrap_or(Json::Null)
    }

    /// Puts what is known after an execution beside what was known before.
    pub fn add_to(&self, scope: &mut Scope) {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).as_ref());
        scope.insert("exit".to_owned(), Value::Int(self.exit.into()));
        scope.insert("reply".to_owned(), value::from_json(&self.reply()));
        scope.insert("stdout".to_owned(), text(&self.stdout));
        scope.insert("stderr".to_owned(), text(&self.stderr));
    }

    /// Notes the end in the history.
    pub fn note(&self, call: &Call) {
        let mut entry = call.entry();
        entry.exit = Some(self.exit);
        entry.reply = self.reply();
        history::add(&entry);
    }
}
