//! Looking at a network namespace.

mod address;
mod link;
mod queue;
mod route;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nix::libc;

use super::netlink::{Message, Netlink};
use crate::stage::wire::View;

pub use link::mac;
pub use route::{raw_rules, read_rule};

/// Names of links by their index.
pub type Names = BTreeMap<u32, String>;

/// All that is looked at.
pub fn look(netlink: &mut Netlink) -> io::Result<View> {
    let mut links = link::dump(netlink)?;
    let names: Names = links.iter().map(|link| (link.index, link.name.clone())).collect();
    address::add(netlink, &mut links)?;
    let qdiscs = queue::qdiscs(netlink, &names)?;
    Ok(View {
        routes: route::routes(netlink, &names)?,
        rules: route::rules(netlink)?,
        neighbours: address::neighbours(netlink, &names)?,
        classes: queue::classes(netlink, &names, &qdiscs)?,
        qdiscs,
        links,
    })
}

/// The index of a link.
pub fn index(netlink: &mut Netlink, dev: &str) -> io::Result<u32> {
    let ask = Message::of_link(0, 0, 0).text(libc::IFLA_IFNAME, dev);
    let found = netlink.get(libc::RTM_GETLINK, &ask)?;
    let index = found.first().and_then(|(_, body)| body.get(4..8));
    index.map(super::netlink::u32_of).ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
}

/// An address, by the number of bytes it has.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// 4 or 6, for the families that are looked at.
fn family(number: u8) -> Option<u8> {
    match i32::from(number) {
        libc::AF_INET => Some(4),
        libc::AF_INET6 => Some(6),
        _ => None,
    }
}

fn scope(number: u8) -> String {
    match number {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        other => other.to_string(),
    }
}
