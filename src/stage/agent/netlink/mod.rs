//! Netlink, as far as a stage needs it: one socket, one question at a time. Written out rather than
//! taken from a library because packet filter rules need the bare attributes anyway, and because an
//! attribute that a newer kernel adds must never make a whole answer unreadable.

mod attribute;
mod message;

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    libc,
    sys::{
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt,
            socket, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};

pub use attribute::{attributes, text, u16_of, u32_be_of, u32_of, u64_of};
pub use message::Message;

const HEADER: usize = 16;
/// No single part of an answer is longer.
const LONGEST_PART: usize = 64 * 1024;
/// The kernel answers at once; this only keeps us from waiting for ever.
const PATIENCE_S: i64 = 10;
/// A dump that something changed while it was being told is asked for again, this often.
const DUMPS: usize = 8;

/// A message of the kernel: its type, and what is behind its header.
pub type Part = (u16, Vec<u8>);

/// A socket in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// A socket for links, addresses and routes.
    pub fn route() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkRoute)
    }

    /// A socket for packet filter rules.
    pub fn filter() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkNetFilter)
    }

    fn open(protocol: SockProtocol) -> io::Result<Self> {
        let socket =
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; LONGEST_PART] })
    }

    /// All things of a kind.
    pub fn dump(&mut self, kind: u16, body: &Message) -> io::Result<Vec<Part>> {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
        let mut told = Vec::new();
        for _ in 0..DUMPS {
            self.send(&[(kind, flags, body.as_bytes())])?;
            let whole = self.receive(&mut told)?;
            if whole {
                return Ok(told);
            }
            told.clear();
        }
        Err(io::Error::other(
            "the kernel's answer changed while it was being told, again and again",
        ))
    }

    /// Changes something.
    pub fn change(&mut self, kind: u16, flags: i32, body: &Message) -> io::Result<()> {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        self.send(&[(kind, flags, body.as_bytes())])?;
        self.receive(&mut Vec::new()).map(|_| ())
    }

    /// Asks for one thing.
    pub fn get(&mut self, kind: u16, body: &Message) -> io::Result<Vec<Part>> {
        let mut told = Vec::new();
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        self.send(&[(kind, flags, body.as_bytes())])?;
        self.receive(&mut told)?;
        Ok(told)
    }

    /// Sends several messages as one, of which only one is acknowledged.
    pub fn batch(&mut self, messages: &[(u16, i32, &Message)]) -> io::Result<()> {
        let messages: Vec<_> = messages
            .iter()
            .map(|(kind, flags, body)| {
                (*kind, (libc::NLM_F_REQUEST | flags) as u16, body.as_bytes())
            })
            .collect();
        self.send(&messages)?;
        self.receive(&mut Vec::new()).map(|_| ())
    }

    fn send(&mut self, messages: &[(u16, u16, &[u8])]) -> io::Result<()> {
        // One number for all of a batch, so that whichever of them is refused is heard.
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = Vec::new();
        for (kind, flags, body) in messages {
            let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
            packet.extend(length.to_ne_bytes());
            packet.extend(kind.to_ne_bytes());
            packet.extend(flags.to_ne_bytes());
            packet.extend(self.sequence.to_ne_bytes());
            packet.extend(0_u32.to_ne_bytes());
            packet.extend(*body);
            packet.resize(packet.len().next_multiple_of(4), 0);
        }
        send(self.socket.as_raw_fd(), &packet, MsgFlags::empty())?;
        Ok(())
    }

    /// Reads until the end of the answer; whether it is consistent.
    fn receive(&mut self, told: &mut Vec<Part>) -> io::Result<bool> {
        let mut whole = true;
        loop {
            let received =
                match recv(self.socket.as_fd().as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                    Err(nix::Error::EINTR) => continue,
                    other => other?,
                };
            let mut rest = &self.buffer[..received];
            while let Some((header, _)) = rest.split_first_chunk::<HEADER>() {
                let length = u32_of(&header[..4]) as usize;
                let kind = u16_of(&header[4..6]);
                let flags = i32::from(u16_of(&header[6..8]));
                let Some(body) = rest.get(HEADER..length) else { break };
                let ours = u32_of(&header[8..12]) == self.sequence;
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                if !ours {
                    continue;
                }
                whole &= flags & libc::NLM_F_DUMP_INTR == 0;
                match i32::from(kind) {
                    libc::NLMSG_NOOP => {}
                    libc::NLMSG_DONE => return result(body).map(|()| whole),
                    libc::NLMSG_ERROR => return result(body).map(|()| whole),
                    _ => told.push((kind, body.to_vec())),
                }
            }
        }
    }
}

/// The error number at the start of an acknowledgement or of the end of a dump.
fn result(body: &[u8]) -> io::Result<()> {
    match body.first_chunk::<4>().map_or(0, |number| i32::from_ne_bytes(*number)) {
        0.. => Ok(()),
        number => Err(io::Error::from_raw_os_error(-number)),
    }
}
