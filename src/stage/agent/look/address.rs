//! Addresses of links, and of neighbours.

use std::io;

use nix::libc;

use super::{
    super::netlink::{Message, Netlink, attributes, u16_of, u32_of},
    Names, address, family, mac, scope,
};
use crate::stage::wire::{Address, Link, Neighbour};

/// Of if_addr.h.
const IFA_FLAGS: u16 = 8;
const PERMANENT: u32 = 0x80;
const TENTATIVE: u32 = 0x40;

/// Tells the links their addresses.
pub fn add(netlink: &mut Netlink, links: &mut [Link]) -> io::Result<()> {
    for (kind, body) in netlink.dump(libc::RTM_GETADDR, &Message::new(&[0; 8]))? {
        if kind != libc::RTM_NEWADDR || body.len() < 8 || family(body[0]).is_none() {
            continue;
        }
        let index = u32_of(&body[4..8]);
        let Some(link) = links.iter_mut().find(|link| link.index == index) else { continue };
        let mut flags = u32::from(body[2]);
        let (mut local, mut far) = (None, None);
        for (kind, value) in attributes(&body[8..]) {
            match kind {
                libc::IFA_LOCAL => local = address(value),
                libc::IFA_ADDRESS => far = address(value),
                IFA_FLAGS => flags = u32_of(value),
                _ => {}
            }
        }
        // On a point-to-point link the other attribute is the far end's.
        let Some(own) = local.or(far) else { continue };
        link.addresses.push(Address {
            address: format!("{own}/{}", body[1]),
            scope: scope(body[3]),
            dynamic: flags & PERMANENT == 0,
            tentative: flags & TENTATIVE != 0,
        });
    }
    Ok(())
}

pub fn neighbours(netlink: &mut Netlink, names: &Names) -> io::Result<Vec<Neighbour>> {
    let parts = netlink.dump(libc::RTM_GETNEIGH, &Message::new(&[0; 12]))?;
    let known = parts.iter().filter(|(kind, body)| {
        *kind == libc::RTM_NEWNEIGH && body.len() >= 12 && family(body[0]).is_some()
    });
    Ok(known
        .filter_map(|(_, body)| {
            let mut neighbour = Neighbour {
                dev: names.get(&u32_of(&body[4..8])).cloned().unwrap_or_default(),
                state: state(u16_of(&body[8..10])),
                ..Neighbour::default()
            };
            for (kind, value) in attributes(&body[12..]) {
                match kind {
                    libc::NDA_DST => neighbour.address = address(value)?.to_string(),
                    libc::NDA_LLADDR => neighbour.mac = mac(value),
                    _ => {}
                }
            }
            Some(neighbour)
        })
        .collect())
}

fn state(number: u16) -> String {
    let name = match number {
        0x01 => "incomplete",
        0x02 => "reachable",
        0x04 => "stale",
        0x08 => "delay",
        0x10 => "probe",
        0x20 => "failed",
        0x40 => "noarp",
        0x80 => "permanent",
        _ => "none",
    };
    name.to_owned()
}
