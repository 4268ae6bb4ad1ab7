//! How fast bytes come through.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
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
use crate::stage::wire::{Measured, Throughput};

const CHUNK: usize = 64 * 1024;

/// Sends the bytes, or as many as come through in time.
pub fn throughput(spaces: &mut Spaces, ask: &Throughput) -> Result<Measured, String> {
    let until = Instant::now() + Duration::from_millis(ask.timeout_ms);
    let listener = dial::listener(spaces, ask.listen.as_deref(), ask.listen_address)?;
    let listener = TcpListener::from(listener);
    let dialled =
        dial::dial(spaces, ask.from.as_deref(), None, ask.dial_address, SockType::Stream)??;
    let dialled = TcpStream::from(dialled);
    wait(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], until);
    let (accepted, _) = listener
        .accept()
        .map_err(|_| format!("connecting to {}: no answer in time", ask.dial_address))?;
    accepted.set_nonblocking(true).map_err(|error| error.to_string())?;
    let (from, to) = if ask.reverse { (accepted, dialled) } else { (dialled, accepted) };
    transfer(from, to, ask.bytes, until).map_err(|error| format!("sending bytes: {error}"))
}

fn transfer(
    mut from: TcpStream,
    mut to: TcpStream,
    bytes: u64,
    until: Instant,
) -> std::io::Result<Measured> {
    let begun = Instant::now();
    let chunk = vec![0; CHUNK];
    let mut buffer = vec![0; CHUNK];
    let (mut sent, mut arrived) = (0, 0);
    while arrived < bytes && Instant::now() < until {
        if sent < bytes {
            let next = usize::try_from(bytes - sent).unwrap_or(CHUNK).min(CHUNK);
            sent += patient(from.write(&chunk[..next]))?;
            if sent >= bytes {
                from.shutdown(Shutdown::Write)?;
            }
        }
        arrived += patient(to.read(&mut buffer))?;
        let mut polled = vec![PollFd::new(to.as_fd(), PollFlags::POLLIN)];
        if sent < bytes {
            polled.push(PollFd::new(from.as_fd(), PollFlags::POLLOUT));
        }
        if arrived < bytes {
            wait(&mut polled, until);
        }
    }
    let elapsed = begun.elapsed();
    let speed = u128::from(arrived) * 8_000_000_000 / elapsed.as_nanos().max(1);
    Ok(Measured {
        bits_per_second: u64::try_from(speed).unwrap_or(u64::MAX),
        bytes: arrived,
        elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
    })
}

/// What would block has moved nothing yet.
fn patient(moved: std::io::Result<usize>) -> std::io::Result<u64> {
    match moved {
        Ok(count) => Ok(count as u64),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}
