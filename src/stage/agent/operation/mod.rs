//! Changing links, addresses, routes and routing rules.

mod message;
mod words;

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
};

use nix::libc;

use message::{CREATE, add, add_kind, cidr, family, mac_bytes, octets, of_address, of_route, set};

use super::{
    look,
    netlink::{Message, Netlink},
    spaces::Spaces,
    tap,
};
use crate::stage::wire::{LinkOp, NewLink};

const UP: u32 = libc::IFF_UP as u32;
/// Of veth.h: within a veth's data, its other end.
const VETH_PEER: u16 = 1;
const INGRESS: u32 = 0xffff_fff1;
const ROOT: u32 = 0xffff_ffff;

/// Switches a link on.
pub fn up(spaces: &mut Spaces, namespace: Option<&str>, dev: &str) -> Result<(), String> {
    operate(spaces, namespace, LinkOp::Up { dev: dev.to_owned() })
}

/// Does it, or says in one line why not.
pub fn operate(spaces: &mut Spaces, namespace: Option<&str>, op: LinkOp) -> Result<(), String> {
    let told = words::told(&op);
    // Descriptors of other namespaces, taken first because a namespace is borrowed below.
    let other = match &op {
        LinkOp::AddVeth { peer_namespace: other, .. } | LinkOp::Move { to: other, .. } => {
            spaces.get(other.as_deref())?.file.as_raw_fd()
        }
        _ => -1,
    };
    let done = match &op {
        LinkOp::AddKind(NewLink { name, kind, .. }) if matches!(kind.as_str(), "tap" | "tun") => {
            spaces.inside(namespace, || tap::make(name, kind))?
        }
        _ => perform(&mut spaces.get(namespace)?.route, op, other),
    };
    done.map_err(|error| {
        let place = namespace.map_or("the host".to_owned(), |name| format!("the namespace {name}"));
        format!("cannot {told} in {place}: {error}")
    })
}

fn perform(netlink: &mut Netlink, op: LinkOp, other: RawFd) -> io::Result<()> {
    match op {
        LinkOp::AddVeth { name, peer, .. } => {
            let peer = Message::of_link(0, 0, 0)
                .text(libc::IFLA_IFNAME, &peer)
                .number(libc::IFLA_NET_NS_FD, other.cast_unsigned());
            let data = Message::default().nest(VETH_PEER, &peer);
            add(netlink, &name, "veth", Some(&data), None)
        }
        LinkOp::AddBridge { name } => add(netlink, &name, "bridge", None, None),
        LinkOp::AddKind(new) => add_kind(netlink, &new),
        LinkOp::Delete { dev } => {
            let index = look::index(netlink, &dev)?;
            netlink.change(libc::RTM_DELLINK, 0, &Message::of_link(index, 0, 0))
        }
        LinkOp::Up { dev } => set(netlink, &dev, UP, UP, |message| message),
        LinkOp::Down { dev } => set(netlink, &dev, 0, UP, |message| message),
        LinkOp::SetMac { dev, mac } => {
            let bytes = mac_bytes(&mac)?;
            set(netlink, &dev, 0, 0, |message| message.bytes(libc::IFLA_ADDRESS, &bytes))
        }
        LinkOp::SetMtu { dev, mtu } => {
            set(netlink, &dev, 0, 0, |message| message.number(libc::IFLA_MTU, mtu))
        }
        LinkOp::SetMaster { dev, master } => {
            let master = match master {
                Some(master) => look::index(netlink, &master)?,
                None => 0,
            };
            set(netlink, &dev, 0, 0, |message| message.number(libc::IFLA_MASTER, master))
        }
        LinkOp::SetAlias { dev, alias } => {
            let alias = alias.as_bytes();
            set(netlink, &dev, 0, 0, |message| message.bytes(libc::IFLA_IFALIAS, alias))
        }
        LinkOp::Rename { dev, name } => {
            set(netlink, &dev, 0, 0, |message| message.text(libc::IFLA_IFNAME, &name))
        }
        LinkOp::Move { dev, .. } => set(netlink, &dev, 0, 0, |message| {
            message.number(libc::IFLA_NET_NS_FD, other.cast_unsigned())
        }),
        LinkOp::AddAddress { dev, address } => {
            let message = of_address(look::index(netlink, &dev)?, &address)?;
            netlink.change(libc::RTM_NEWADDR, CREATE, &message)
        }
        LinkOp::RemoveAddress { dev, address } => {
            let message = of_address(look::index(netlink, &dev)?, &address)?;
            netlink.change(libc::RTM_DELADDR, 0, &message)
        }
        LinkOp::FlushAddresses { dev } => {
            let view = look::look(netlink)?;
            let link = view.link(&dev).ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
            for address in &link.addresses {
                let message = of_address(link.index, &address.address)?;
                match netlink.change(libc::RTM_DELADDR, 0, &message) {
                    // Secondary addresses go with their primary one.
                    Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {}
                    other => other?,
                }
            }
            Ok(())
        }
        LinkOp::AddRoute { dst, gateway, dev, table } => {
            let dev = dev.map(|dev| look::index(netlink, &dev)).transpose()?;
            let message = of_route(&dst, gateway, dev, table)?;
            netlink.change(libc::RTM_NEWROUTE, CREATE, &message)
        }
        LinkOp::RemoveRoute { dst, table } => {
            let mut message = of_route(&dst, None, None, table)?;
            message.set_fixed(5, 0); // of any protocol
            message.set_fixed(6, 255); // any scope
            netlink.change(libc::RTM_DELROUTE, 0, &message)
        }
        LinkOp::AddRule { source, table, priority } => {
            let (source, length) = cidr(&source)?;
            let message = Message::new(&[family(source), 0, length, 0, 0, 0, 0, 1, 0, 0, 0, 0])
                .bytes(2, &octets(source)) // FRA_SRC
                .number(6, priority) // FRA_PRIORITY
                .number(15, table); // FRA_TABLE
            netlink.change(libc::RTM_NEWRULE, CREATE, &message)
        }
        LinkOp::FlushRules => {
            for raw in look::raw_rules(netlink)? {
                if !matches!(look::read_rule(&raw).priority, 0 | 32766 | 32767) {
                    netlink.change(libc::RTM_DELRULE, 0, &Message::new(&raw))?;
                }
            }
            Ok(())
        }
        LinkOp::DeleteQdiscs { dev } => {
            let index = look::index(netlink, &dev)?;
            for parent in [ROOT, INGRESS] {
                let mut fixed = [0; 20];
                fixed[4..8].copy_from_slice(&index.to_ne_bytes());
                fixed[12..16].copy_from_slice(&parent.to_ne_bytes());
                match netlink.change(libc::RTM_DELQDISC, 0, &Message::new(&fixed)) {
                    // There is none, or only the one that a link has by itself.
                    Err(error)
                        if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => {}
                    other => other?,
                }
            }
            Ok(())
        }
    }
}
