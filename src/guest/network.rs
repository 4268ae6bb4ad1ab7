//! `listen` and `connect`: an echo server and its client, for TCP and UDP.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::{Failure, Outcome, output};

/// How long the client waits for a connection, and for each part of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest UDP datagram.
const DATAGRAM: usize = 65_535;

/// Serves until a signal comes; without an address on all of them, IPv6 included where there is IPv6.
pub fn listen(protocol: &OsStr, port: u16, address: Option<IpAddr>) -> Outcome {
    match protocol.to_str() {
        Some("tcp") => serve_tcp(&bind(address, port, TcpListener::bind)?),
        Some("udp") => serve_udp(&bind(address, port, UdpSocket::bind)?),
        _ => Err(wrong(protocol)),
    }
}

/// Sends `text` and prints what comes back: with TCP all until the server closes, with UDP one datagram.
pub fn connect(protocol: &OsStr, address: IpAddr, port: u16, text: &OsStr) -> Outcome {
    let to = SocketAddr::new(address, port);
    let answer = match protocol.to_str() {
        Some("tcp") => ask_tcp(to, text.as_bytes()),
        Some("udp") => ask_udp(to, text.as_bytes()),
        _ => return Err(wrong(protocol)),
    };
    let answer = answer.map_err(|error| failed(format!("{to}: {error}")))?;
    output::to_stdout(&answer)?;
    Ok(0)
}

fn bind<S>(
    address: Option<IpAddr>,
    port: u16,
    open: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<S, Failure> {
    let everywhere = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let addresses = address.as_ref().map_or(&everywhere[..], std::slice::from_ref);
    let mut last = None;
    for address in addresses {
        match open(SocketAddr::new(*address, port)) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(failed(format!("port {port}: {}", last.map(|error| error.to_string()).unwrap_or_default())))
}

fn ready(address: io::Result<SocketAddr>) {
    output::ready(&address.map(|address| address.to_string()).unwrap_or_default());
}

fn serve_tcp(listener: &TcpListener) -> Outcome {
    ready(listener.local_addr());
    loop {
        // A connection that broke before it was accepted concerns nobody else.
        if let Ok((stream, _)) = listener.accept() {
            // Without a thread left, this client is turned away, and the next one may be luckier.
            let _ = std::thread::Builder::new().spawn(move || echo(&stream));
        }
    }
}

fn echo(stream: &TcpStream) {
    let (mut from, mut to) = (stream, stream);
    // The client sees a broken connection by itself.
    let _ = io::copy(&mut from, &mut to);
    let _ = stream.shutdown(Shutdown::Write);
}

fn serve_udp(socket: &UdpSocket) -> Outcome {
    ready(socket.local_addr());
    let mut datagram = vec![0; DATAGRAM];
    loop {
        // An answer that could not be delivered is reported at the next receive: not this client's concern.
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..length], from);
        }
    }
}

fn ask_tcp(to: SocketAddr, text: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(text)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn ask_udp(to: SocketAddr, text: &[u8]) -> io::Result<Vec<u8>> {
    let local: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(text)?;
    let mut answer = vec![0; DATAGRAM];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn wrong(protocol: &OsStr) -> Failure {
    Failure::Usage(format!("{} is neither tcp nor udp", protocol.display()))
}

fn failed(message: String) -> Failure {
    Failure::Failed(Some(message))
}
