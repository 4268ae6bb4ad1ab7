//! Of a defect: one instance at a time on this host.

use std::{
    io::{self, Read as _},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
};

/// Waits until there is no other instance with the same temporary folder; this is the only one for as
/// long as what is returned is kept. A name that leaves no file.
pub fn become_the_only_one() -> Result<UnixListener, String> {
    let told = |error: io::Error| format!("cannot tell whether there is another instance: {error}");
    let name = format!("stdcheck-reference-csi {}", std::env::temp_dir().display());
    let address = SocketAddr::from_abstract_name(name).map_err(told)?;
    loop {
        match UnixListener::bind_addr(&address) {
            Ok(ours) => return Ok(ours),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                // Nobody writes: this ends with the other one.
                if let Ok(mut other) = UnixStream::connect_addr(&address) {
                    let _ = other.read(&mut [0]);
                }
            }
            Err(error) => return Err(told(error)),
        }
    }
}
