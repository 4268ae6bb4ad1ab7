//! Sockets of both ends.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, connect, listen,
        setsockopt, socket, sockopt,
    },
};

use super::super::spaces::Spaces;

/// A socket that does not block, in a namespace.
pub fn open(
    spaces: &mut Spaces,
    namespace: Option<&str>,
    address: &SocketAddr,
    kind: SockType,
) -> Result<OwnedFd, String> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    spaces
        .inside(namespace, || socket(family, kind, flags, None))?
        .map_err(|error| format!("cannot make a socket: {error}"))
}

/// Binds it.
pub fn at(socket: &OwnedFd, address: SocketAddr) -> Result<(), String> {
    setsockopt(socket, sockopt::ReuseAddr, &true).map_err(|error| error.to_string())?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))
        .map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// A TCP socket that listens.
pub fn listener(
    spaces: &mut Spaces,
    namespace: Option<&str>,
    address: SocketAddr,
) -> Result<OwnedFd, String> {
    let socket = open(spaces, namespace, &address, SockType::Stream)?;
    at(&socket, address)?;
    let backlog = Backlog::new(8).map_err(|error| error.to_string())?;
    listen(&socket, backlog).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    Ok(socket)
}

/// A socket that begins to connect; or why it cannot, which is an answer too.
pub fn dial(
    spaces: &mut Spaces,
    namespace: Option<&str>,
    from: Option<IpAddr>,
    to: SocketAddr,
    kind: SockType,
) -> Result<Result<OwnedFd, String>, String> {
    let socket = open(spaces, namespace, &to, kind)?;
    if let Some(from) = from {
        at(&socket, SocketAddr::new(from, 0))?;
    }
    Ok(match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(error) => Err(refusal(to, &error.into())),
    })
}

/// Why nothing came through.
pub fn refusal(to: SocketAddr, error: &io::Error) -> String {
    format!("connecting to {to}: {error}")
}
