//! Whether an echo comes back.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags},
    sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
        socket,
    },
};

use super::super::{execution::wait, spaces::Spaces};
use crate::stage::wire::{Ping, Pinged};

/// One may be lost while the link layer finds its way; then another is sent.
const ANOTHER: Duration = Duration::from_millis(200);

/// Tries it. An error only if it could not be tried.
pub fn ping(spaces: &mut Spaces, ask: &Ping) -> Result<Pinged, String> {
    let begun = Instant::now();
    let until = begun + Duration::from_millis(ask.timeout_ms);
    let socket = open(spaces, ask)?;
    let to = SockaddrStorage::from(SocketAddr::new(ask.to, 0));
    let (request, reply) = if ask.to.is_ipv4() { (8, 0) } else { (128, 129) };
    let mut done = Pinged::default();
    let (mut sent, mut again) = (0_u16, begun);
    loop {
        let now = Instant::now();
        if now >= until {
            done.why.get_or_insert_with(|| format!("no echo of {} in time", ask.to));
            return Ok(done);
        }
        if now >= again {
            again = now + ANOTHER;
            sent += 1;
            let echo = echo(request, sent);
            done.why = sendto(socket.as_raw_fd(), &echo, &to, MsgFlags::empty())
                .err()
                .map(|error| format!("an echo request to {}: {error}", ask.to));
        }
        wait(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], until.min(again));
        let mut packet = [0; 512];
        while let Ok(count) = recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            if is_reply(&packet[..count], ask.to, reply, sent) {
                done.through = true;
                done.why = None;
                done.elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                return Ok(done);
            }
        }
    }
}

/// A raw socket: those that only send echos are closed to everybody in a new namespace.
fn open(spaces: &mut Spaces, ask: &Ping) -> Result<OwnedFd, String> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (family, protocol) = match ask.to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    spaces
        .inside(ask.from.as_deref(), || socket(family, SockType::Raw, flags, protocol))?
        .map_err(|error| format!("cannot make a socket: {error}"))
}

fn identity() -> [u8; 2] {
    // Namespaces are our own, so that any number would do; this one tells ours in a capture.
    *b"sc"
}

fn echo(kind: u8, number: u16) -> [u8; 16] {
    let mut packet = [0; 16];
    packet[0] = kind;
    packet[4..6].copy_from_slice(&identity());
    packet[6..8].copy_from_slice(&number.to_be_bytes());
    packet[8..].copy_from_slice(b"stdcheck");
    let sum = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    // For IPv6 the kernel puts its own there.
    packet[2..4].copy_from_slice(&checksum(sum).to_be_bytes());
    packet
}

fn checksum(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn is_reply(packet: &[u8], from: IpAddr, kind: u8, newest: u16) -> bool {
    let echo = match from {
        // The packet begins with the IP header, whose length it tells in words, and where it is from.
        IpAddr::V4(address) => {
            if packet.get(12..16) != Some(&address.octets()[..]) {
                return false;
            }
            packet.get(usize::from(packet[0] & 15) * 4..).unwrap_or_default()
        }
        IpAddr::V6(_) => packet,
    };
    let number =
        |at: usize| echo.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    echo.first() == Some(&kind)
        && echo.get(4..6) == Some(&identity()[..])
        && number(6).is_some_and(|number| number <= newest)
}
