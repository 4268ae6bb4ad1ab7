//! The whole state of a stage, for comparing it with itself later.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    files, filter, legacy, look, mounts,
    processes::{self, Id, Process},
    sentences,
    serve::Stage,
    spaces,
};
use crate::stage::wire::{Changes, Link, Route, Rule, Since, View};

/// Between two looks whether the kernel has taken everything away: links, files and processes have no
/// event in common.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Queues that every link has by itself.
const USUAL_QUEUES: [&str; 6] = ["noqueue", "pfifo_fast", "fq_codel", "fq", "mq", "pfifo"];

/// Something that is there or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// What it is: `address 10.1.0.2/16`.
    pub noun: String,
    /// The link that it is on.
    pub on: Option<String>,
    /// What tells it from others that people call the same.
    known_by: Vec<u8>,
}

impl Thing {
    /// Something of a namespace.
    pub fn of(noun: String) -> Self {
        Self { noun, on: None, known_by: Vec::new() }
    }

    /// Something on a link.
    pub fn on(noun: String, link: &str) -> Self {
        Self { noun, on: Some(link.to_owned()), known_by: Vec::new() }
    }

    /// The same with what tells it apart.
    pub fn known_by(self, bytes: &[u8]) -> Self {
        Self { known_by: bytes.to_vec(), ..self }
    }
}

/// Things, and how often each is there.
#[derive(Debug, Default)]
pub struct Things(pub BTreeMap<Thing, usize>);

impl Things {
    /// One more.
    pub fn add(&mut self, thing: Thing) {
        *self.0.entry(thing).or_default() += 1;
    }
}

/// What there is in a network namespace.
#[derive(Debug, Default)]
pub struct Network {
    /// The namespace's own number: another one of the same name is another namespace.
    pub inode: u64,
    pub links: BTreeMap<String, Link>,
    pub things: Things,
    pub filter: Things,
}

/// All that is compared.
#[derive(Debug, Default)]
pub struct State {
    pub host: Network,
    pub containers: BTreeMap<String, Network>,
    pub files: BTreeSet<PathBuf>,
    /// Mounts by where they are, with their kind.
    pub mounts: BTreeMap<String, String>,
    pub processes: BTreeMap<Id, Process>,
    /// Processes that whoever asks has started and not stopped, whether they still run or not.
    pub daemons: BTreeSet<i32>,
}

impl Stage {
    /// The state as it is.
    pub fn state(&mut self) -> Result<State, String> {
        self.children.collect();
        let mut state = State { host: self.network(None)?, ..State::default() };
        legacy::things(&mut self.children, &mut state.host.filter)?;
        for name in self.spaces.names() {
            let network = self.network(Some(&name))?;
            state.containers.insert(name, network);
        }
        for folder in &self.setup.state_folders {
            files::list(folder, &mut state.files);
        }
        state.files.retain(|path| !path.starts_with(spaces::FOLDER));
        let told = |error| format!("cannot read the mounts: {error}");
        let mounts = mounts::all().map_err(told)?.into_iter();
        state.mounts = mounts.filter(|(place, _)| self.counts(place)).collect();
        state.processes = processes::all();
        state.daemons = self.daemons.pids();
        Ok(state)
    }

    /// What is different since a mark.
    pub fn since(&mut self, since: &Since) -> Result<Changes, String> {
        let until = Instant::now() + Duration::from_millis(since.settle_ms);
        loop {
            let now = self.state()?;
            let before = self.marks.get(&since.label);
            let before = before.ok_or_else(|| format!("there is no mark {}", since.label))?;
            let changes = sentences::changes(before, &now);
            if changes.is_empty() || Instant::now() >= until {
                return Ok(changes);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Mounts of the machine come and go with the folders that they are on, whatever we do; and those of
    /// namespaces are our own.
    fn counts(&self, mount: &str) -> bool {
        !self.mounts.contains_key(mount) && !mount.starts_with(spaces::FOLDER)
    }

    fn network(&mut self, name: Option<&str>) -> Result<Network, String> {
        let space = self.spaces.get(name)?;
        let told = |error: io::Error| format!("cannot look at the network: {error}");
        let view = look::look(&mut space.route).map_err(told)?;
        Ok(Network {
            inode: space.file.metadata().map_err(told)?.ino(),
            things: things(&view),
            links: view.links.into_iter().map(|link| (link.name.clone(), link)).collect(),
            filter: match &mut space.filter {
                Some(netlink) => filter::things(netlink)
                    .map_err(|error| format!("cannot read the packet filter rules: {error}"))?,
                None => Things::default(),
            },
        })
    }
}

/// What a namespace has besides links.
fn things(view: &View) -> Things {
    let mut things = Things::default();
    for link in &view.links {
        let lasting = link.addresses.iter().filter(|address| {
            !(address.dynamic || address.scope == "link" && address.address.contains(':'))
        });
        for address in lasting {
            things.add(Thing::on(format!("address {}", address.address), &link.name));
        }
    }
    for route in view.routes.iter().filter(|route| counts(route)) {
        things.add(Thing::of(route_noun(route)));
    }
    for rule in &view.rules {
        things.add(Thing::of(rule_noun(rule)));
    }
    for qdisc in &view.qdiscs {
        if !USUAL_QUEUES.contains(&qdisc.kind.as_str()) {
            let rate = qdisc.rate_bytes_per_second;
            let rate = rate.map(|rate| format!(" of {rate} bytes/s")).unwrap_or_default();
            things.add(Thing::on(format!("queue {}{rate}", qdisc.kind), &qdisc.dev));
        }
    }
    things
}

/// Whether somebody made that route: not the kernel, for what every link has.
fn counts(route: &Route) -> bool {
    let local = route.protocol == "kernel" && route.table == 255;
    let multicast = route.dst == "ff00::/8" || route.kind == "multicast";
    !(local || multicast || route.dst.starts_with("fe80::"))
}

fn route_noun(route: &Route) -> String {
    let mut noun = String::from("route ");
    if route.kind != "unicast" {
        noun += &format!("{} ", route.kind);
    }
    noun += &route.dst;
    let parts = [
        ("via", route.gateway.clone()),
        ("over", route.dev.clone()),
        ("from", route.source.clone()),
        ("in table", (route.table != 254).then(|| route.table.to_string())),
        // IPv6 gives each route that names none the same one.
        ("with metric", (route.priority != 0).then(|| route.priority.to_string())),
        ("with MTU", route.mtu.map(|mtu| mtu.to_string())),
        ("with MSS", route.advmss.map(|mss| mss.to_string())),
    ];
    for (word, value) in parts {
        if let Some(value) = value {
            noun += &format!(" {word} {value}");
        }
    }
    noun
}

fn rule_noun(rule: &Rule) -> String {
    let mut noun = format!("routing rule {}", rule.priority);
    let parts = [
        ("from", rule.source.clone()),
        ("to", rule.destination.clone()),
        ("in by", rule.iif.clone()),
        ("out by", rule.oif.clone()),
        ("with mark", rule.fwmark.map(|mark| format!("{mark:#x}"))),
    ];
    for (word, value) in parts {
        if let Some(value) = value {
            noun += &format!(" {word} {value}");
        }
    }
    noun += &format!(" {}", rule.action);
    if rule.action == "lookup" {
        noun += &format!(" table {}", rule.table);
    }
    format!("{noun} (IPv{})", rule.family)
}
