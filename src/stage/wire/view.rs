//! What the kernel tells of a network namespace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that is looked at in one namespace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct View {
    pub links: Vec<Link>,
    pub routes: Vec<Route>,
    pub rules: Vec<Rule>,
    pub neighbours: Vec<Neighbour>,
    pub qdiscs: Vec<Qdisc>,
    /// Classes of classful queues.
    pub classes: Vec<Class>,
}

impl View {
    /// The link with that name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }
}

/// A network device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// As the kernel calls it: `veth`, `bridge`, `macvlan`; empty for loopback and hardware.
    pub kind: String,
    pub mac: String,
    pub mtu: u32,
    /// It was switched on.
    pub up: bool,
    /// It has a counterpart that is on as well.
    pub carrier: bool,
    pub promiscuous: bool,
    /// It takes all multicast frames.
    pub all_multicast: bool,
    pub tx_queue_length: u32,
    /// The link that it belongs to: a bridge, bond or vrf.
    pub master: Option<String>,
    /// The other end of a veth, or the link that a macvlan or vlan is made on.
    pub peer_index: Option<u32>,
    /// That link is in another namespace.
    pub peer_elsewhere: bool,
    pub alias: String,
    /// Numbers of its kind: `vlan_id`, `mode`, `table`, `vlan_filtering`; as a bridge's port `hairpin`,
    /// `isolated`.
    pub details: BTreeMap<String, u64>,
    /// The VLANs that a bridge, or a bridge's port, lets through; the details have its `pvid`.
    pub vlans: Vec<u16>,
    pub addresses: Vec<Address>,
}

/// An address of a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Address {
    /// With its prefix: `10.1.2.3/24`.
    pub address: String,
    /// `global`, `site`, `link` or `host`.
    pub scope: String,
    /// The kernel or a daemon gave it for a time.
    pub dynamic: bool,
    /// Whether it is still being looked for duplicates, so that it cannot be used yet.
    pub tentative: bool,
}

/// A route, or one way of a route that has several.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Route {
    /// 4 or 6.
    pub family: u8,
    /// `unicast`, `local`, `broadcast`, `blackhole`, …
    pub kind: String,
    pub dst: String,
    pub gateway: Option<String>,
    pub dev: Option<String>,
    pub table: u32,
    pub priority: u32,
    /// `global`, `site`, `link`, `host` or `nowhere`.
    pub scope: String,
    /// Who made it: `kernel`, `boot`, `static`, `ra`, `dhcp`, or a number.
    pub protocol: String,
    pub mtu: Option<u32>,
    pub advmss: Option<u32>,
    /// The address that packets get that have none yet.
    pub source: Option<String>,
}

/// A routing rule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rule {
    /// 4 or 6.
    pub family: u8,
    pub priority: u32,
    pub table: u32,
    pub source: Option<String>,
    pub destination: Option<String>,
    pub iif: Option<String>,
    pub oif: Option<String>,
    pub fwmark: Option<u32>,
    /// `lookup`, `goto`, `nop`, `blackhole`, `unreachable` or `prohibit`.
    pub action: String,
}

/// What is known of a neighbour on a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Neighbour {
    pub address: String,
    pub mac: String,
    pub dev: String,
    /// `reachable`, `stale`, `permanent`, …
    pub state: String,
}

/// A queueing discipline.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Qdisc {
    pub dev: String,
    pub kind: String,
    /// `1:`
    pub handle: String,
    /// `root`, `ingress`, or a class.
    pub parent: String,
    pub rate_bytes_per_second: Option<u64>,
    pub burst_bytes: Option<u64>,
    pub limit_bytes: Option<u64>,
}

/// A class of a queueing discipline.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Class {
    pub dev: String,
    pub kind: String,
    /// `1:30`
    pub handle: String,
    pub parent: String,
    pub rate_bytes_per_second: Option<u64>,
    pub ceil_bytes_per_second: Option<u64>,
}
