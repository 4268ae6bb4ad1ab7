//! The host that a plugin sees during a check: its stage, the containers on it, and what the plugin
//! answered for each.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value as Json, json};

use super::{Run, halt::Halt};
use crate::{
    delegate, dhcp_server,
    drive::exec::Plugin,
    profile::{Daemon, DhcpServer, Parent},
    stage::{
        Stage,
        wire::{self, LinkOp, NewLink},
    },
    suite::version::Version,
};

/// How long something that runs beside the plugin may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container of a check.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// `CNI_CONTAINERID`
    pub id: String,
    /// The namespace's name, below /run/netns.
    pub namespace: String,
    /// `CNI_IFNAME`
    pub ifname: String,
    /// What a chained plugin finds: the result of the plugins before it, in the newest form.
    pub previous: Option<Json>,
}

impl Container {
    /// `CNI_NETNS`
    pub fn netns(&self) -> String {
        format!("/run/netns/{}", self.namespace)
    }
}

/// Which attachment a result is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// `CNI_CONTAINERID`
    pub id: String,
    /// `CNI_IFNAME`
    pub ifname: String,
}

#[derive(Debug, Default)]
struct Memory {
    /// In the order in which they were made; the first is the check's own.
    containers: Vec<Container>,
    /// What the last good ADD of an attachment printed.
    results: BTreeMap<Attachment, Json>,
    /// What runs beside the plugin.
    daemons: Vec<u64>,
}

/// A stage and what was done on it. The stage ends when the last owner lets go.
pub struct Host {
    /// Where the plugin is executed.
    pub stage: Stage,
    memory: Mutex<Memory>,
}

impl Host {
    /// Starts a stage and makes what the plugin's profile says that every ADD needs.
    ///
    /// # Errors
    /// What could not be made.
    pub async fn start(run: &Run, plugin: &Plugin) -> Result<Host, Halt> {
        let _pending = run.clock.start();
        let stage = Stage::start(&plugin.stage).await.map_err(Halt::Error)?;
        let host = Host { stage, memory: Mutex::default() };
        for parent in &plugin.profile.parent {
            host.make_parent(parent).await?;
        }
        for daemon in &plugin.profile.daemon {
            host.start_daemon(plugin, daemon).await?;
        }
        Ok(host)
    }

    async fn make_parent(&self, parent: &Parent) -> Result<(), Halt> {
        let name = parent.name.clone();
        let op = match (&parent.peer, parent.kind.as_str()) {
            (Some(peer), "veth") => {
                LinkOp::AddVeth { name: name.clone(), peer: peer.clone(), peer_namespace: None }
            }
            (_, "bridge") => LinkOp::AddBridge { name: name.clone() },
            (_, kind) => LinkOp::AddKind(NewLink {
                name: name.clone(),
                kind: kind.to_owned(),
                ..NewLink::default()
            }),
        };
        self.link(None, op).await?;
        for address in &parent.addresses {
            let op = LinkOp::AddAddress { dev: name.clone(), address: address.clone() };
            self.link(None, op).await?;
        }
        if parent.up {
            for dev in [Some(&name), parent.peer.as_ref()].into_iter().flatten() {
                self.link(None, LinkOp::Up { dev: dev.clone() }).await?;
            }
        }
        Ok(())
    }

    async fn start_daemon(&self, plugin: &Plugin, daemon: &Daemon) -> Result<(), Halt> {
        let dir = plugin.path.parent().unwrap_or(&plugin.path).display().to_string();
        let filled = |text: &str| {
            text.replace("$plugin.path", &plugin.path.display().to_string())
                .replace("$plugin.dir", &dir)
        };
        let program = PathBuf::from(filled(&daemon.program));
        let args = daemon.args.iter().map(|arg| filled(arg)).collect();
        let env = vec![("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())];
        let what = program.display().to_string();
        let process = wire::Daemon { program, args, env };
        let id = self.stage.start_daemon(process).await.map_err(Halt::Error)?;
        self.memory().daemons.push(id);
        match self.stage.await_path(&daemon.awaited, PATIENCE).await.map_err(Halt::Error)? {
            true => Ok(()),
            false => {
                let awaited = daemon.awaited.display();
                Err(Halt::Error(format!("{what} was started and did not make {awaited}")))
            }
        }
    }

    /// Starts a DHCP server on a bridge of the host. It is no daemon of the plugin's.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start_dhcp_server(
        &self,
        plugin: &Plugin,
        bridge: &str,
        server: &DhcpServer,
    ) -> Result<(), Halt> {
        let own = LinkOp::AddAddress { dev: bridge.to_owned(), address: server.address.clone() };
        self.link(None, own).await?;
        let wrong = |what: &str| Halt::Error(format!("the profile's dhcp_server: `{what}`"));
        let (address, prefix) =
            server.address.split_once('/').ok_or_else(|| wrong(&server.address))?;
        let parsed = |text: &str| text.parse::<Ipv4Addr>().map_err(|_| wrong(text));
        let ready = Path::new(delegate::FOLDER).join("dhcp-server");
        let args = dhcp_server::Args {
            link: bridge.into(),
            address: parsed(address)?,
            prefix: prefix.parse().map_err(|_| wrong(prefix))?,
            first: parsed(&server.first)?,
            last: parsed(&server.last)?,
            lease: server.lease_seconds,
            ready: ready.clone(),
        };
        let program = plugin.helpers.join(dhcp_server::NAME);
        let process = wire::Daemon { program, args: args.words(), env: Vec::new() };
        self.stage.start_daemon(process).await.map_err(Halt::Error)?;
        match self.stage.await_path(&ready, PATIENCE).await.map_err(Halt::Error)? {
            true => Ok(()),
            false => Err(Halt::Error("the DHCP server does not come up".to_owned())),
        }
    }

    /// Stops what the profile says that runs beside the plugin.
    ///
    /// # Errors
    /// If that fails.
    pub async fn stop_daemons(&self) -> Result<(), Halt> {
        let daemons = std::mem::take(&mut self.memory().daemons);
        for id in daemons {
            self.stage.stop_daemon(id).await.map_err(Halt::Error)?;
        }
        Ok(())
    }

    /// How many containers were made.
    pub fn count(&self) -> usize {
        self.memory().containers.len()
    }

    /// Changes a link of the host (`None`) or of a namespace.
    ///
    /// # Errors
    /// What the kernel said.
    pub async fn link(&self, namespace: Option<&str>, op: LinkOp) -> Result<(), Halt> {
        self.stage.link(namespace, op).await.map_err(Halt::Error)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a container; the first is the one that steps mean where they name none.
    pub fn add(&self, container: Container) {
        self.memory().containers.push(container);
    }

    /// The check's own container.
    pub fn own(&self) -> Option<Container> {
        self.memory().containers.first().cloned()
    }

    /// Remembers what a good ADD printed.
    pub fn remember(&self, attachment: Attachment, result: &Json) {
        self.memory().results.insert(attachment, result.clone());
    }

    /// The `prevResult` that a runtime gives (section 3, "Lifecycle & Ordering", and 4 of the
    /// specification): for ADD what the plugins before it made, for CHECK and DEL what ADD printed.
    /// Results are there since 0.3.0, and CHECK and DEL get them since 0.4.0.
    pub fn previous(
        &self,
        command: &str,
        version: &Version,
        attachment: &Attachment,
    ) -> Option<Json> {
        let at_least =
            |oldest: &str| oldest.parse().is_ok_and(|oldest: Version| *version >= oldest);
        let memory = self.memory();
        let of_base = || {
            let container = memory.containers.iter().find(|known| known.id == attachment.id)?;
            let previous = container.previous.as_ref()?;
            Some(in_version(previous, version))
        };
        match command {
            "ADD" if at_least("0.3.0") => of_base(),
            "CHECK" | "DEL" if at_least("0.4.0") => {
                memory.results.get(attachment).cloned().or_else(of_base)
            }
            _ => None,
        }
    }
}

/// A result in the newest form in that of a version: since 1.0.0 addresses have no `version`, and
/// what is younger is left out.
fn in_version(result: &Json, version: &Version) -> Json {
    let mut result = result.clone();
    result["cniVersion"] = json!(version.to_string());
    let before = |first: &str| first.parse().is_ok_and(|first: Version| *version < first);
    if before("1.1.0") {
        each(&mut result, "interfaces", |interface| drop(interface.remove("mtu")));
    }
    if before("1.0.0") {
        each(&mut result, "ips", |ip| {
            let six = ip.get("address").and_then(Json::as_str).is_some_and(|a| a.contains(':'));
            ip.insert("version".to_owned(), json!(if six { "6" } else { "4" }));
        });
    }
    result
}

fn each(result: &mut Json, key: &str, change: impl Fn(&mut serde_json::Map<String, Json>)) {
    let items = result.get_mut(key).and_then(Json::as_array_mut);
    items.into_iter().flatten().filter_map(Json::as_object_mut).for_each(change);
}
