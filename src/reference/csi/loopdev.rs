//! Loop devices: a file as a block device.
//!
//! All of them clear themselves when nobody has them open: a mount holds its own, those of block
//! volumes are held by this process. So nothing is left when the driver's mounts go, however it ends.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use nix::libc;

const LOOP_GET_STATUS64: u32 = 0x4C05;
const LOOP_SET_CAPACITY: u32 = 0x4C07;
const LOOP_CONFIGURE: u32 = 0x4C0A;
const LOOP_CTL_GET_FREE: u32 = 0x4C82;
const BLKFLSBUF: u32 = 0x1261;
const READ_ONLY: u32 = 1;
const AUTOCLEAR: u32 = 4;
/// How often another process may be faster in taking a free device.
const TRIES: usize = 64;

/// `struct loop_info64` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of the kernel.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

/// A device that is attached to a file, and open.
#[derive(Debug)]
pub struct Loop {
    /// N of /dev/loopN.
    pub number: u32,
    file: File,
}

impl Loop {
    /// Attaches any free device.
    pub fn attach(image: &Path, readonly: bool) -> io::Result<Self> {
        let control = File::options().read(true).write(true).open("/dev/loop-control")?;
        for _ in 0..TRIES {
            // SAFETY: the call takes no argument.
            let free = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) };
            let number = u32::try_from(free).map_err(|_| io::Error::last_os_error())?;
            match Self::attach_to(number, image, readonly) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                other => return other,
            }
        }
        Err(io::Error::from(io::ErrorKind::ResourceBusy))
    }

    /// Attaches this very device, or takes it as it is if the file is attached to it already.
    pub fn again(number: u32, image: &Path, readonly: bool) -> io::Result<Self> {
        let file = open(number, readonly)?;
        if holds(&file, image)? {
            return Ok(Self { number, file });
        }
        drop(file);
        Self::attach_to(number, image, readonly)
    }

    fn attach_to(number: u32, image: &Path, readonly: bool) -> io::Result<Self> {
        let file = open(number, readonly)?;
        let backing = File::options().read(true).write(!readonly).open(image)?;
        // SAFETY: the structure is numbers alone, for which zero is a value.
        let mut config: Config = unsafe { std::mem::zeroed() };
        config.fd = backing.as_raw_fd().unsigned_abs();
        config.info.flags = AUTOCLEAR | if readonly { READ_ONLY } else { 0 };
        // SAFETY: the kernel reads one structure of this kind.
        let done = unsafe { libc::ioctl(file.as_raw_fd(), LOOP_CONFIGURE as _, &raw const config) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(Self { number, file }) }
    }

    /// Where the device is.
    pub fn path(&self) -> PathBuf {
        node(self.number)
    }

    /// Takes the size that the file has now.
    pub fn refresh(&self) -> io::Result<()> {
        // SAFETY: the call takes no argument that is a pointer.
        let done = unsafe { libc::ioctl(self.file.as_raw_fd(), LOOP_SET_CAPACITY as _, 0) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Brings what was written to the device into its file.
    pub fn sync(&self) -> io::Result<()> {
        // Not fsync: that would wait for the disk below the file, too.
        // SAFETY: the call takes no argument that is a pointer.
        let done = unsafe { libc::ioctl(self.file.as_raw_fd(), BLKFLSBUF as _, 0) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Opens a device that is attached to this file, for whoever does not hold it.
pub fn find(number: u32, image: &Path) -> io::Result<Option<Loop>> {
    let file = open(number, true)?;
    Ok(holds(&file, image)?.then_some(Loop { number, file }))
}

/// How often anything was written to a device since the system's start.
pub fn writes(number: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/sys/block/loop{number}/stat"))?;
    let writes = text.split_whitespace().nth(4).and_then(|number| number.parse().ok());
    writes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn node(number: u32) -> PathBuf {
    PathBuf::from(format!("/dev/loop{number}"))
}

fn open(number: u32, readonly: bool) -> io::Result<File> {
    File::options().read(true).write(!readonly).open(node(number))
}

/// Whether a device is attached to this file.
fn holds(device: &File, image: &Path) -> io::Result<bool> {
    // SAFETY: the structure is numbers alone, for which zero is a value.
    let mut info: Info = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure of this kind.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64 as _, &raw mut info) };
    if done < 0 {
        return Ok(false);
    }
    let meta = std::fs::metadata(image)?;
    Ok(info.inode == meta.ino() && encoded(meta.dev()) == info.device)
}

/// A device number as the kernel tells it in this structure: `huge_encode_dev`.
fn encoded(device: u64) -> u64 {
    let (major, minor) = (u64::from(libc::major(device)), u64::from(libc::minor(device)));
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// Devices that have to stay open: by volume, or by target path.
#[derive(Debug, Default)]
pub struct Held(Mutex<HashMap<String, Loop>>);

impl Held {
    /// Keeps one.
    pub fn keep(&self, key: &str, device: Loop) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), device);
    }

    /// Lets one go.
    pub fn release(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Looks at one, if it is there.
    pub fn with<T>(&self, key: &str, look: impl FnOnce(&Loop) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(look)
    }
}
