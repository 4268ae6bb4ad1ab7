//! Whether a connection comes through.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags},
    sys::socket::SockType,
};

use super::{
    super::{execution::wait, spaces::Spaces},
    dial,
};
use crate::stage::wire::{Connect, Connected, Protocol};

/// A datagram may be lost while the link layer finds its way; then another is sent.
const ANOTHER: Duration = Duration::from_millis(200);
const WORD: &[u8] = b"stdcheck";

/// Tries it. An error only if it could not be tried.
pub fn connect(spaces: &mut Spaces, ask: &Connect) -> Result<Connected, String> {
    let until = Instant::now() + Duration::from_millis(ask.timeout_ms);
    match ask.protocol {
        Protocol::Tcp => tcp(spaces, ask, until),
        Protocol::Udp => udp(spaces, ask, until),
    }
}

fn tcp(spaces: &mut Spaces, ask: &Connect, until: Instant) -> Result<Connected, String> {
    let listener = dial::listener(spaces, ask.listen.as_deref(), ask.listen_address)?;
    let listener = TcpListener::from(listener);
    let from = ask.from.as_deref();
    let mut dialled =
        match dial::dial(spaces, from, ask.from_address, ask.dial_address, SockType::Stream)? {
            Ok(socket) => TcpStream::from(socket),
            Err(why) => return Ok(Connected { why: Some(why), ..Connected::default() }),
        };
    let mut done = Connected::default();
    let (mut accepted, mut established): (Option<TcpStream>, bool) = (None, false);
    loop {
        let over = Instant::now() >= until;
        if accepted.is_none()
            && let Ok((socket, peer)) = listener.accept()
        {
            done.seen_peer = Some(peer.to_string());
            done.heard = true;
            accepted = Some(socket);
        }
        if !established {
            if let Ok(Some(error)) = dialled.take_error() {
                done.why = Some(dial::refusal(ask.dial_address, &error));
                return Ok(done);
            }
            established = dialled.peer_addr().is_ok();
        }
        // Somebody else may listen where is dialled: only our own word counts.
        if let (Some(socket), true) = (&mut accepted, established) {
            let _ = dialled.write(WORD);
            let _ = socket.set_nonblocking(true);
            done.through = arrives(socket, until);
            if !done.through {
                done.why = Some("the connection was made, and nothing came through it".to_owned());
            }
            return Ok(done);
        }
        if over {
            done.why = Some(match (established, done.heard) {
                (true, false) => format!("somebody else answers at {}", ask.dial_address),
                _ => format!("connecting to {}: no answer in time", ask.dial_address),
            });
            return Ok(done);
        }
        let mut polled = Vec::new();
        if accepted.is_none() {
            polled.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        }
        if !established {
            polled.push(PollFd::new(dialled.as_fd(), PollFlags::POLLOUT));
        }
        wait(&mut polled, until);
    }
}

fn arrives(socket: &mut TcpStream, until: Instant) -> bool {
    let mut word = [0; WORD.len()];
    let mut polled = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    wait(&mut polled, until) && socket.read_exact(&mut word).is_ok() && word == WORD
}

fn udp(spaces: &mut Spaces, ask: &Connect, until: Instant) -> Result<Connected, String> {
    let listen = ask.listen.as_deref();
    let listener = dial::open(spaces, listen, &ask.listen_address, SockType::Datagram)?;
    dial::at(&listener, ask.listen_address)?;
    let listener = UdpSocket::from(listener);
    let from = ask.from.as_deref();
    let dialled =
        match dial::dial(spaces, from, ask.from_address, ask.dial_address, SockType::Datagram)? {
            Ok(socket) => UdpSocket::from(socket),
            Err(why) => return Ok(Connected { why: Some(why), ..Connected::default() }),
        };
    let mut done = Connected::default();
    let mut word = [0; 64];
    let mut again = Instant::now();
    loop {
        let now = Instant::now();
        if now >= until {
            done.why.get_or_insert_with(|| {
                format!("a datagram to {}: no answer in time", ask.dial_address)
            });
            return Ok(done);
        }
        if now >= again {
            again = now + ANOTHER;
            if let Err(error) = dialled.send(WORD) {
                done.why = Some(dial::refusal(ask.dial_address, &error));
            }
        }
        let mut polled = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(dialled.as_fd(), PollFlags::POLLIN),
        ];
        wait(&mut polled, until.min(again));
        if let Ok((count, peer)) = listener.recv_from(&mut word)
            && word[..count] == *WORD
        {
            done.seen_peer = Some(SocketAddr::to_string(&peer));
            done.heard = true;
            // If this is lost, the next datagram is answered.
            let _ = listener.send_to(WORD, peer);
        }
        match dialled.recv(&mut word) {
            Ok(count) if word[..count] == *WORD => {
                return Ok(Connected { through: true, why: None, ..done });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => done.why = Some(dial::refusal(ask.dial_address, &error)),
        }
    }
}
