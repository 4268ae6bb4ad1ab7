//! A DHCP server for stages: the `dhcp` plugin is of no use without one. It is this very program under
//! another name, and gives addresses to whoever asks on one link.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    path::{Path, PathBuf},
};

use clap::Parser;
use dhcproto::{
    Decodable, Decoder, Encodable,
    v4::{DhcpOption, Message, MessageType, Opcode, OptionCode},
};
use nix::sys::socket::{setsockopt, sockopt};

/// The name under which this program is the server.
pub const NAME: &str = "stdcheck-dhcp";
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// What it gives, and where.
#[derive(Debug, Parser)]
pub struct Args {
    /// The link
    pub link: OsString,
    /// Its own address, which is the router of its clients, too
    pub address: Ipv4Addr,
    /// Bits of the network
    pub prefix: u32,
    /// First address
    pub first: Ipv4Addr,
    /// Last address
    pub last: Ipv4Addr,
    /// Seconds
    pub lease: u32,
    /// A file that it makes when it listens
    pub ready: PathBuf,
}

impl Args {
    /// As arguments of the program.
    pub fn words(&self) -> Vec<String> {
        vec![
            self.link.to_string_lossy().into_owned(),
            self.address.to_string(),
            self.prefix.to_string(),
            self.first.to_string(),
            self.last.to_string(),
            self.lease.to_string(),
            self.ready.display().to_string(),
        ]
    }
}

/// Whether a program that was started as `argv0` is the server.
pub fn is_named(argv0: &OsStr) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == NAME)
}

/// Serves until it is killed. The result is the exit code.
pub fn main() -> i32 {
    let served = Args::try_parse().map_err(io::Error::other).and_then(|args| serve(&args));
    match served {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            1
        }
    }
}

fn serve(args: &Args) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVER_PORT))?;
    setsockopt(&socket, sockopt::BindToDevice, &args.link)?;
    socket.set_broadcast(true)?;
    std::fs::write(&args.ready, "")?;
    let mut leases = Leases { first: args.first, last: args.last, by_client: BTreeMap::new() };
    let mut buffer = [0; 1500];
    loop {
        let (size, _) = socket.recv_from(&mut buffer)?;
        // What is no DHCP is not for us.
        let Ok(request) = Message::decode(&mut Decoder::new(&buffer[..size])) else { continue };
        let Some(answer) = answer(args, &mut leases, &request) else { continue };
        let bytes = answer.to_vec().map_err(io::Error::other)?;
        // The client has no address yet.
        socket.send_to(&bytes, SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT))?;
    }
}

/// Who has which address: by client identifier, or by the address of the link.
struct Leases {
    first: Ipv4Addr,
    last: Ipv4Addr,
    by_client: BTreeMap<Vec<u8>, Ipv4Addr>,
}

impl Leases {
    fn of(&mut self, client: &[u8]) -> Option<Ipv4Addr> {
        if let Some(known) = self.by_client.get(client) {
            return Some(*known);
        }
        let taken: Vec<Ipv4Addr> = self.by_client.values().copied().collect();
        let free = (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from);
        let free = free.into_iter().find(|address| !taken.contains(address))?;
        self.by_client.insert(client.to_vec(), free);
        Some(free)
    }
}

/// RFC 2131, section 4.3: an offer for a discover, an acknowledgement for a request.
fn answer(args: &Args, leases: &mut Leases, request: &Message) -> Option<Message> {
    let client = match request.opts().get(OptionCode::ClientIdentifier) {
        Some(DhcpOption::ClientIdentifier(id)) => id.clone(),
        _ => request.chaddr().to_vec(),
    };
    let kind = match request.opts().msg_type()? {
        MessageType::Discover => MessageType::Offer,
        MessageType::Request => MessageType::Ack,
        MessageType::Release => {
            leases.by_client.remove(&client);
            return None;
        }
        _ => return None,
    };
    let address = leases.of(&client)?;
    let mut answer = Message::default();
    answer
        .set_opcode(Opcode::BootReply)
        .set_xid(request.xid())
        .set_flags(request.flags())
        .set_yiaddr(address)
        .set_siaddr(args.address)
        .set_chaddr(request.chaddr());
    let mask = u32::MAX.checked_shl(32 - args.prefix.min(32)).unwrap_or(0);
    let options = answer.opts_mut();
    for option in [
        DhcpOption::MessageType(kind),
        DhcpOption::ServerIdentifier(args.address),
        DhcpOption::AddressLeaseTime(args.lease),
        DhcpOption::Renewal(args.lease / 2),
        DhcpOption::Rebinding(args.lease / 8 * 7),
        DhcpOption::SubnetMask(Ipv4Addr::from(mask)),
        DhcpOption::Router(vec![args.address]),
    ] {
        options.insert(option);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args::parse_from([
            "x",
            "br0",
            "10.1.0.1",
            "16",
            "10.1.0.10",
            "10.1.0.11",
            "60",
            "/tmp/ready",
        ])
    }

    fn request(kind: MessageType, hardware: u8) -> Message {
        let mut message = Message::default();
        message.set_chaddr(&[2, 0, 0, 0, 0, hardware]);
        message.opts_mut().insert(DhcpOption::MessageType(kind));
        message
    }

    #[test]
    fn a_client_keeps_its_address_until_it_releases_it() {
        let args = args();
        let mut leases = Leases { first: args.first, last: args.last, by_client: BTreeMap::new() };
        let mut ask = |kind, hardware| {
            answer(&args, &mut leases, &request(kind, hardware)).map(|answer| answer.yiaddr())
        };
        let one = ask(MessageType::Discover, 1);
        assert_eq!(one, Some(Ipv4Addr::new(10, 1, 0, 10)));
        assert_eq!(ask(MessageType::Request, 1), one);
        assert_eq!(ask(MessageType::Discover, 2), Some(Ipv4Addr::new(10, 1, 0, 11)));
        assert_eq!(ask(MessageType::Discover, 3), None);
        assert_eq!(ask(MessageType::Release, 1), None);
        assert_eq!(ask(MessageType::Discover, 3), one);
    }

    #[test]
    fn an_answer_says_who_gives_it_and_for_how_long() {
        let args = args();
        let mut leases = Leases { first: args.first, last: args.last, by_client: BTreeMap::new() };
        let answer = answer(&args, &mut leases, &request(MessageType::Request, 1)).unwrap();
        let options = answer.opts();
        assert_eq!(options.msg_type(), Some(MessageType::Ack));
        let mask = options.get(OptionCode::SubnetMask);
        assert_eq!(mask, Some(&DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 0, 0))));
        assert_eq!(Args::parse_from([vec!["x".to_owned()], args.words()].concat()).lease, 60);
    }
}
