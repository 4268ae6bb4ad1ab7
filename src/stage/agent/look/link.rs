//! Links.

use std::{collections::BTreeMap, io};

use nix::libc;

use super::super::netlink::{Message, Netlink, attributes, text, u16_of, u32_of};
use crate::stage::wire::Link;

/// Of if_bridge.h: how VLANs are told.
const BRIDGE_VLANS: u32 = 1 << 1;
const VLAN_INFO: u16 = 2;
const VLAN_PVID: u16 = 1 << 1;

/// Leaves the counters out of the answer, which are most of it.
const SKIP_STATS: u32 = 1 << 3;

pub fn dump(netlink: &mut Netlink) -> io::Result<Vec<Link>> {
    let ask = Message::of_link(0, 0, 0).number(libc::IFLA_EXT_MASK, SKIP_STATS);
    let parts = netlink.dump(libc::RTM_GETLINK, &ask)?;
    let mut masters = Vec::new();
    let mut links: Vec<Link> = parts
        .iter()
        .filter(|(kind, body)| *kind == libc::RTM_NEWLINK && body.len() >= 16)
        .map(|(_, body)| {
            let (link, master) = read(body);
            masters.push(master);
            link
        })
        .collect();
    let names: BTreeMap<u32, String> =
        links.iter().map(|link| (link.index, link.name.clone())).collect();
    for (link, master) in links.iter_mut().zip(masters) {
        link.master = master.and_then(|index| names.get(&index).cloned());
    }
    if links.iter().any(|link| link.kind == "bridge") {
        add_vlans(netlink, &mut links)?;
    }
    Ok(links)
}

fn add_vlans(netlink: &mut Netlink, links: &mut [Link]) -> io::Result<()> {
    let mut ask = Message::of_link(0, 0, 0).number(libc::IFLA_EXT_MASK, BRIDGE_VLANS | SKIP_STATS);
    ask.set_fixed(0, libc::AF_BRIDGE as u8);
    for (_, body) in netlink.dump(libc::RTM_GETLINK, &ask)? {
        if body.len() < 16 {
            continue;
        }
        let index = u32_of(&body[4..8]);
        let Some(link) = links.iter_mut().find(|link| link.index == index) else { continue };
        let spec = attributes(&body[16..]).filter(|(kind, _)| *kind == libc::IFLA_AF_SPEC);
        let vlans = spec.flat_map(|(_, value)| attributes(value));
        // struct bridge_vlan_info: flags, number
        for (_, info) in vlans.filter(|(kind, info)| *kind == VLAN_INFO && info.len() == 4) {
            let number = u16_of(&info[2..]);
            link.vlans.push(number);
            if u16_of(info) & VLAN_PVID != 0 {
                link.details.insert("pvid".to_owned(), u64::from(number));
            }
        }
    }
    Ok(())
}

fn read(body: &[u8]) -> (Link, Option<u32>) {
    let flags = u32_of(&body[8..12]) as i32;
    let mut link = Link {
        index: u32_of(&body[4..8]),
        up: flags & libc::IFF_UP != 0,
        promiscuous: flags & libc::IFF_PROMISC != 0,
        all_multicast: flags & libc::IFF_ALLMULTI != 0,
        ..Link::default()
    };
    let mut master = None;
    for (kind, value) in attributes(&body[16..]) {
        match kind {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_ADDRESS => link.mac = mac(value),
            libc::IFLA_MTU => link.mtu = u32_of(value),
            libc::IFLA_TXQLEN => link.tx_queue_length = u32_of(value),
            libc::IFLA_CARRIER => link.carrier = value.first() == Some(&1),
            libc::IFLA_PROMISCUITY => link.promiscuous |= u32_of(value) > 0,
            libc::IFLA_ALLMULTI => link.all_multicast |= u32_of(value) > 0,
            libc::IFLA_MASTER => master = Some(u32_of(value)),
            libc::IFLA_LINK => link.peer_index = Some(u32_of(value)).filter(|index| *index != 0),
            libc::IFLA_LINK_NETNSID => link.peer_elsewhere = true,
            libc::IFLA_IFALIAS => link.alias = text(value),
            libc::IFLA_LINKINFO => read_info(&mut link, value),
            _ => {}
        }
    }
    (link, master)
}

fn read_info(link: &mut Link, info: &[u8]) {
    let find = |wanted| attributes(info).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    link.kind = find(libc::IFLA_INFO_KIND).map(text).unwrap_or_default();
    for (kind, value) in find(libc::IFLA_INFO_DATA).into_iter().flat_map(attributes) {
        // The numbers are those of the kernel's if_link.h, counted anew for each kind of link.
        let name = match (link.kind.as_str(), kind) {
            ("vlan", 1) => "vlan_id",
            ("macvlan" | "macvtap" | "ipvlan" | "ipvtap", 1) => "mode",
            ("vrf", 1) => "table",
            ("vxlan", 1) => "vni",
            ("bridge", 7) => "vlan_filtering",
            ("bridge", 39) => "vlan_default_pvid",
            ("bridge", 5) => "stp",
            _ => continue,
        };
        link.details.insert(name.to_owned(), number(value));
    }
    if find(libc::IFLA_INFO_SLAVE_KIND).map(text).as_deref() != Some("bridge") {
        return;
    }
    for (kind, value) in find(libc::IFLA_INFO_SLAVE_DATA).into_iter().flat_map(attributes) {
        let name = match kind {
            1 => "port_state",
            4 => "hairpin",
            33 => "isolated",
            _ => continue,
        };
        link.details.insert(name.to_owned(), number(value));
    }
}

fn number(value: &[u8]) -> u64 {
    match value.len() {
        1 => u64::from(value[0]),
        2 => u64::from(u16_of(value)),
        _ => u64::from(u32_of(value)),
    }
}

/// A hardware address as people write it.
pub fn mac(bytes: &[u8]) -> String {
    let parts: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}
