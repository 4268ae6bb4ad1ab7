//! The messages that change things.

use std::{io, net::IpAddr};

use nix::libc;

use super::super::{
    look,
    netlink::{Message, Netlink},
};
use crate::stage::wire::NewLink;

/// What must not be there yet.
pub const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
/// Of if_link.h: the first number of a vlan's, vxlan's or vrf's data.
const ID: u16 = 1;

pub fn add_kind(netlink: &mut Netlink, new: &NewLink) -> io::Result<()> {
    let parent = match &new.parent {
        Some(parent) => Some(look::index(netlink, parent)?),
        None => None,
    };
    let id = |number: u32| Message::default().number(ID, number);
    let data = match new.kind.as_str() {
        "vlan" => {
            let number = new.id.unwrap_or(1).try_into().unwrap_or(u16::MAX);
            Some(Message::default().bytes(ID, &number.to_ne_bytes()))
        }
        "vrf" | "vxlan" => Some(id(new.id.unwrap_or(1))),
        _ => None,
    };
    add(netlink, &new.name, &new.kind, data.as_ref(), parent)
}

pub fn add(
    netlink: &mut Netlink,
    name: &str,
    kind: &str,
    data: Option<&Message>,
    parent: Option<u32>,
) -> io::Result<()> {
    // Without the NUL: some kernels compare the whole attribute.
    let mut info = Message::default().bytes(libc::IFLA_INFO_KIND, kind.as_bytes());
    if let Some(data) = data {
        info = info.nest(libc::IFLA_INFO_DATA, data);
    }
    let mut message = Message::of_link(0, 0, 0).text(libc::IFLA_IFNAME, name);
    if let Some(parent) = parent {
        message = message.number(libc::IFLA_LINK, parent);
    }
    netlink.change(libc::RTM_NEWLINK, CREATE, &message.nest(libc::IFLA_LINKINFO, &info))
}

pub fn set(
    netlink: &mut Netlink,
    dev: &str,
    flags: u32,
    change: u32,
    with: impl FnOnce(Message) -> Message,
) -> io::Result<()> {
    let index = look::index(netlink, dev)?;
    netlink.change(libc::RTM_NEWLINK, 0, &with(Message::of_link(index, flags, change)))
}

pub fn of_address(index: u32, address: &str) -> io::Result<Message> {
    let (address, length) = cidr(address)?;
    let mut fixed = [family(address), length, 0, 0, 0, 0, 0, 0];
    fixed[4..].copy_from_slice(&index.to_ne_bytes());
    if address.is_ipv6() {
        fixed[2] = 2; // IFA_F_NODAD: it is ours to use at once
    }
    let bytes = octets(address);
    Ok(Message::new(&fixed).bytes(libc::IFA_LOCAL, &bytes).bytes(libc::IFA_ADDRESS, &bytes))
}

pub fn of_route(
    dst: &str,
    gateway: Option<IpAddr>,
    dev: Option<u32>,
    table: Option<u32>,
) -> io::Result<Message> {
    let (dst, length) = match (dst, gateway) {
        ("default", Some(IpAddr::V6(_))) => cidr("::/0")?,
        ("default", _) => cidr("0.0.0.0/0")?,
        _ => cidr(dst)?,
    };
    // Static, unicast; without a gateway what it leads to is on the link.
    let scope = if gateway.is_none() && dst.is_ipv4() { 253 } else { 0 };
    let mut message = Message::new(&[family(dst), length, 0, 0, 0, 4, scope, 1, 0, 0, 0, 0])
        .number(libc::RTA_TABLE, table.unwrap_or(u32::from(libc::RT_TABLE_MAIN)));
    if length > 0 {
        message = message.bytes(libc::RTA_DST, &octets(dst));
    }
    if let Some(gateway) = gateway {
        message = message.bytes(libc::RTA_GATEWAY, &octets(gateway));
    }
    if let Some(dev) = dev {
        message = message.number(libc::RTA_OIF, dev);
    }
    Ok(message)
}

pub fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// An address with its prefix; without one it is a host's.
pub fn cidr(text: &str) -> io::Result<(IpAddr, u8)> {
    let wrong = || io::Error::other(format!("`{text}` is not an address with a prefix"));
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(longest);
    if length > longest { Err(wrong()) } else { Ok((address, length)) }
}

pub fn mac_bytes(text: &str) -> io::Result<Vec<u8>> {
    let bytes: Result<Vec<_>, _> =
        text.split(':').map(|part| u8::from_str_radix(part, 16)).collect();
    bytes.map_err(|_| io::Error::other(format!("`{text}` is not a hardware address")))
}
