//! Routes and routing rules.

use std::io;

use nix::libc;

use super::{
    super::netlink::{Message, Netlink, attributes, text, u16_of, u32_of},
    Names, address, family, scope,
};
use crate::stage::wire::{Route, Rule};

/// Routes that the kernel only remembers, not part of any table.
const CLONED: u32 = 0x200;
const METRIC_MTU: u16 = 2;
const METRIC_ADVMSS: u16 = 8;

pub fn routes(netlink: &mut Netlink, names: &Names) -> io::Result<Vec<Route>> {
    let mut routes = Vec::new();
    for (kind, body) in netlink.dump(libc::RTM_GETROUTE, &Message::new(&[0; 12]))? {
        if kind == libc::RTM_NEWROUTE && body.len() >= 12 {
            read_route(&body, names, &mut routes);
        }
    }
    Ok(routes)
}

fn read_route(body: &[u8], names: &Names, to: &mut Vec<Route>) {
    let Some(family) = family(body[0]) else { return };
    if u32_of(&body[8..12]) & CLONED != 0 {
        return;
    }
    let mut route = Route {
        family,
        kind: route_kind(body[7]),
        dst: format!("{}/{}", if family == 4 { "0.0.0.0" } else { "::" }, body[1]),
        table: u32::from(body[4]),
        scope: scope(body[6]),
        protocol: protocol(body[5]),
        ..Route::default()
    };
    let mut hops: &[u8] = &[];
    for (kind, value) in attributes(&body[12..]) {
        match kind {
            libc::RTA_DST => {
                let dst = address(value).map(|dst| format!("{dst}/{}", body[1]));
                route.dst = dst.unwrap_or(route.dst);
            }
            libc::RTA_TABLE => route.table = u32_of(value),
            libc::RTA_PRIORITY => route.priority = u32_of(value),
            libc::RTA_PREFSRC => route.source = address(value).map(|source| source.to_string()),
            libc::RTA_METRICS => {
                for (kind, value) in attributes(value) {
                    match kind {
                        METRIC_MTU => route.mtu = Some(u32_of(value)),
                        METRIC_ADVMSS => route.advmss = Some(u32_of(value)),
                        _ => {}
                    }
                }
            }
            libc::RTA_OIF => route.dev = names.get(&u32_of(value)).cloned(),
            libc::RTA_MULTIPATH => hops = value,
            _ => read_way(&mut route, kind, value),
        }
    }
    if hops.is_empty() {
        to.push(route);
        return;
    }
    // struct rtnexthop: length, flags, hops, index; then attributes.
    while let Some((head, _)) = hops.split_first_chunk::<8>() {
        let length = usize::from(u16_of(&head[..2]));
        let Some(inner) = hops.get(8..length) else { return };
        let dev = names.get(&u32_of(&head[4..8])).cloned();
        let mut way = Route { dev, ..route.clone() };
        attributes(inner).for_each(|(kind, value)| read_way(&mut way, kind, value));
        to.push(way);
        hops = hops.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn read_way(route: &mut Route, kind: u16, value: &[u8]) {
    let gateway = match kind {
        libc::RTA_GATEWAY => address(value),
        // A gateway of the other family: its family, then the address.
        libc::RTA_VIA => value.get(2..).and_then(address),
        _ => return,
    };
    route.gateway = gateway.map(|gateway| gateway.to_string());
}

fn route_kind(number: u8) -> String {
    let name = match number {
        1 => "unicast",
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        9 => "throw",
        other => return other.to_string(),
    };
    name.to_owned()
}

fn protocol(number: u8) -> String {
    let name = match number {
        0 => "unspec",
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        9 => "ra",
        16 => "dhcp",
        other => return other.to_string(),
    };
    name.to_owned()
}

pub fn rules(netlink: &mut Netlink) -> io::Result<Vec<Rule>> {
    let parts = raw_rules(netlink)?;
    Ok(parts.iter().map(|body| read_rule(body)).collect())
}

/// The rules as the kernel tells them, which is also how they are deleted.
pub fn raw_rules(netlink: &mut Netlink) -> io::Result<Vec<Vec<u8>>> {
    let parts = netlink.dump(libc::RTM_GETRULE, &Message::new(&[0; 12]))?;
    Ok(parts
        .into_iter()
        .filter(|(kind, body)| *kind == libc::RTM_NEWRULE && body.len() >= 12)
        .map(|(_, body)| body)
        .filter(|body| family(body[0]).is_some())
        .collect())
}

/// What a rule as the kernel tells it says.
pub fn read_rule(body: &[u8]) -> Rule {
    let mut rule = Rule {
        family: family(body[0]).unwrap_or_default(),
        table: u32::from(body[4]),
        action: action(body[7]),
        ..Rule::default()
    };
    let cidr = |value, length: u8| address(value).map(|address| format!("{address}/{length}"));
    for (kind, value) in attributes(&body[12..]) {
        // FRA_*, of fib_rules.h
        match kind {
            1 => rule.destination = cidr(value, body[1]),
            2 => rule.source = cidr(value, body[2]),
            3 => rule.iif = Some(text(value)),
            6 => rule.priority = u32_of(value),
            10 => rule.fwmark = Some(u32_of(value)),
            15 => rule.table = u32_of(value),
            17 => rule.oif = Some(text(value)),
            _ => {}
        }
    }
    rule
}

fn action(number: u8) -> String {
    let name = match number {
        1 => "lookup",
        2 => "goto",
        3 => "nop",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        other => return other.to_string(),
    };
    name.to_owned()
}
