//! The shape of a profile file: what is not here is refused.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::words::{Kind, TamperName, Word};

/// What is known of one plugin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The binary's name.
    pub plugin: String,
    /// What it makes, in a few words.
    pub title: String,
    /// What it is to a runtime.
    pub kind: Kind,
    /// What it has or does, with this configuration.
    #[serde(default)]
    pub has: Vec<Word>,
    /// The only interface name that it works on.
    #[serde(default)]
    pub ifname: Option<String>,
    /// Kinds of links that ADD needs of the kernel.
    #[serde(default)]
    pub kernel: Vec<String>,
    /// Device nodes that it opens; without one of them its ADD has to fail.
    #[serde(default)]
    pub devices: Vec<PathBuf>,
    /// Programs that it executes itself, found in PATH; without one of them its ADD has to fail.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Whether it keeps state elsewhere than in namespaces and state folders, as in a daemon: then every
    /// attachment is deleted at the end.
    #[serde(default)]
    pub outside: bool,
    /// More folders with state than every plugin gets.
    #[serde(default)]
    pub state_folders: Vec<PathBuf>,
    /// The configuration without cniVersion, name and type.
    pub config: Map<String, Value>,
    /// For each capability that the configuration declares, a well-formed value of runtimeConfig.
    #[serde(default)]
    pub capabilities: BTreeMap<String, Value>,
    /// Links that are in the host namespace before any ADD.
    #[serde(default)]
    pub parent: Vec<Parent>,
    /// What has to run beside it, in this order.
    #[serde(default)]
    pub daemon: Vec<Daemon>,
    /// A DHCP server on the bridge of the base interfaces.
    #[serde(default)]
    pub dhcp_server: Option<DhcpServer>,
    /// Other configurations that it must serve as well.
    #[serde(default)]
    pub variant: Vec<Variation>,
    /// Configurations that it must refuse.
    #[serde(default)]
    pub bad: Vec<Variation>,
    /// What its CHECK has to notice.
    #[serde(default)]
    pub tamper: Vec<Tamper>,
    /// A configuration under which few addresses are to be had.
    #[serde(default)]
    pub pool: Option<Pool>,
    /// How the interface is made that is there before this plugin's ADD.
    #[serde(default)]
    pub previous: Option<Previous>,
}

/// A link in the host namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its name.
    pub name: String,
    /// `veth`, `bridge`, …
    pub kind: String,
    /// The other end of a veth. It is set up, too, so that the link has a carrier.
    #[serde(default)]
    pub peer: Option<String>,
    /// Its addresses, with the length of the prefix.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether it is set up.
    #[serde(default = "yes")]
    pub up: bool,
}

/// A process that runs beside the plugin for as long as a stage lasts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daemon {
    /// What is executed; `$plugin.path` and `$plugin.dir` are known.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// What it makes when it is ready.
    #[serde(rename = "await")]
    pub awaited: PathBuf,
}

/// A DHCP server of ours in the host namespace, on the bridge of [`Previous`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DhcpServer {
    /// Its own address with the length of the prefix, which is the router of its clients, too.
    pub address: String,
    /// First address that it gives.
    pub first: String,
    /// Last address that it gives.
    pub last: String,
    /// For how long.
    pub lease_seconds: u32,
}

/// Another configuration, told by what is different.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// What is different, or wrong with it: a word with hyphens.
    pub name: String,
    /// Merged into the configuration.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// Keys that are left out; dots lead into objects.
    #[serde(default)]
    pub omit: Vec<String>,
}

/// One thing that CHECK has to notice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TamperDef")]
pub struct Tamper {
    /// What is done.
    pub name: TamperName,
    /// `reservation-gone`: the folder whose files are removed; `$name` is the network's name.
    pub path: Option<String>,
    /// `sysctl-reset`: its name; `$ifname` is the container's interface.
    pub sysctl: Option<String>,
    /// `sysctl-reset`: the value it gets.
    pub value: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TamperDef {
    name: TamperName,
    path: Option<String>,
    sysctl: Option<String>,
    value: Option<String>,
}

impl TryFrom<TamperDef> for Tamper {
    type Error = String;

    fn try_from(TamperDef { name, path, sysctl, value }: TamperDef) -> Result<Self, String> {
        for (key, given) in [("path", &path), ("sysctl", &sysctl), ("value", &value)] {
            match (name.needs().contains(&key), given.is_some()) {
                (true, false) => return Err(format!("the tamper `{name}` needs `{key}`")),
                (false, true) => return Err(format!("the tamper `{name}` takes no `{key}`")),
                _ => {}
            }
        }
        Ok(Self { name, path, sysctl, value })
    }
}

/// A configuration under which few addresses are to be had.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Merged into the configuration; lists as a whole.
    pub with: Map<String, Value>,
    /// How many there are.
    pub size: u32,
}

/// The interface that is there before the plugin's ADD. In texts, `{n}` is the number of the attachment,
/// from 1 on, so that no two have the same address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Previous {
    /// The kind of link. A veth has its other end in the host namespace.
    pub kind: String,
    /// Of the interface in the container.
    pub addresses: Vec<String>,
    /// For each address, its gateway: an address of the other end.
    pub gateways: Vec<String>,
    /// Destinations that go through the gateway of their family.
    pub routes: Vec<String>,
    /// A bridge of the host namespace that all other ends are attached to.
    pub bridge: Option<String>,
    /// Whether the plugin is given a prevResult that tells of it.
    pub passed: bool,
}

impl Default for Previous {
    /// A veth with one address of each family, and a default route for each.
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            kind: "veth".to_owned(),
            addresses: texts(&["10.124.{n}.2/24", "fd00:124:{n}::2/64"]),
            gateways: texts(&["10.124.{n}.1", "fd00:124:{n}::1"]),
            routes: texts(&["0.0.0.0/0", "::/0"]),
            bridge: None,
            passed: true,
        }
    }
}

impl Previous {
    /// That of the attachment with a number.
    #[must_use]
    pub fn numbered(&self, number: u8) -> Self {
        let number = number.to_string();
        let all =
            |texts: &[String]| texts.iter().map(|text| text.replace("{n}", &number)).collect();
        Self {
            addresses: all(&self.addresses),
            gateways: all(&self.gateways),
            routes: all(&self.routes),
            ..self.clone()
        }
    }
}

impl Profile {
    /// Whether it has that.
    pub fn has(&self, word: Word) -> bool {
        self.has.contains(&word)
    }

    /// How its CHECK can be put to that test, if it can.
    pub fn tamper(&self, name: TamperName) -> Option<&Tamper> {
        self.tamper.iter().find(|tamper| tamper.name == name)
    }
}

fn yes() -> bool {
    true
}
