//! Links of kind tun, which the kernel makes by another way than all others.

use std::{fs::File, io, os::fd::AsRawFd};

use nix::libc;

/// Makes a link that stays when nobody holds it, in the namespace that we are in.
pub fn make(name: &str, kind: &str) -> io::Result<()> {
    let device = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: a struct of numbers and bytes, for which zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(io::Error::other(format!("`{name}` is no name for a link")));
    }
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = byte.cast_signed();
    }
    let mode = if kind == "tap" { libc::IFF_TAP } else { libc::IFF_TUN } | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = mode as libc::c_short;
    // SAFETY: the struct is what this call takes, and outlives it.
    let made = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: this call takes a number.
    let kept = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETPERSIST as _, 1) };
    if kept < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
