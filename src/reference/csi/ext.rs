//! The file systems ext2, ext3 and ext4: made, recognised, grown, and held still.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::libc;

use super::refusal::{Answer, internal, precondition};

const FIFREEZE: u32 = 0xC004_5877;
const FITHAW: u32 = 0xC004_5878;
const RESIZE: u32 = 0x4008_6610;
/// Where these programs are, if not in $PATH.
const FOLDERS: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];

/// A file system on a device or in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystem {
    /// ext2, ext3 or ext4.
    pub kind: &'static str,
    /// How large it is.
    pub bytes: u64,
}

/// Looks for a file system.
pub fn find(path: &Path) -> io::Result<Option<FileSystem>> {
    let mut block = [0u8; 1024];
    if File::open(path)?.read_exact_at(&mut block, 1024).is_err() {
        return Ok(None);
    }
    let word =
        |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    if block[0x38..0x3a] != [0x53, 0xef] {
        return Ok(None);
    }
    let (compatible, incompatible) = (word(0x5c), word(0x60));
    let kind = if incompatible & 0x40 != 0 {
        "ext4"
    } else if compatible & 0x4 != 0 {
        "ext3"
    } else {
        "ext2"
    };
    let large = if incompatible & 0x80 != 0 { u64::from(word(0x150)) << 32 } else { 0 };
    let blocks = large | u64::from(word(0x4));
    Ok(Some(FileSystem { kind, bytes: blocks << (10 + word(0x18).min(6)) }))
}

/// Makes a file system. Without a journal, and with few inodes, since these volumes are small.
pub fn format(image: &Path, kind: &str) -> Answer<()> {
    let program = tool("mke2fs").ok_or_else(|| precondition("mke2fs is not on this node"))?;
    let mut command = Command::new(program);
    command.args(["-q", "-F", "-t", kind, "-m", "0"]);
    match kind {
        "ext4" => command.args(["-b", "4096", "-O", "^has_journal"]),
        "ext2" => command.args(["-b", "4096"]),
        _ => &mut command,
    };
    run(command.arg(image), "mke2fs")
}

/// Whether what the node needs is there.
pub fn tools() -> bool {
    tool("mke2fs").is_some()
}

fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn run(command: &mut Command, name: &str) -> Answer<()> {
    let ended = command.stdin(Stdio::null()).output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(internal(format!(
        "{name} failed: {}",
        said.lines().last().unwrap_or("it does not say why")
    )))
}

/// Grows a file system in an image that nobody uses.
pub fn grow_image(image: &Path) -> Answer<()> {
    let program = tool("resize2fs").ok_or_else(|| precondition("resize2fs is not on this node"))?;
    // It was unmounted in order: forced, it does not ask for a check before.
    run(Command::new(program).arg("-f").arg(image), "resize2fs")
}

/// Whether a file system is smaller than what it is in.
pub fn is_small(path: &Path, bytes: u64) -> io::Result<bool> {
    Ok(find(path)?.is_some_and(|now| now.bytes + BLOCK <= bytes))
}

/// Grows a mounted file system; false if the kernel does not do that for us, since it asks for
/// CAP_SYS_RESOURCE.
pub fn grow(mounted: &Path, device: &Path, bytes: u64) -> io::Result<bool> {
    let mut word = [0u8; 4];
    File::open(device)?.read_exact_at(&mut word, 1024 + 0x18)?;
    let blocks: u64 = bytes >> (10 + u32::from_le_bytes(word).min(6));
    let at = File::open(mounted)?;
    // SAFETY: the kernel reads one number.
    Ok(unsafe { libc::ioctl(at.as_raw_fd(), RESIZE as _, &raw const blocks) } == 0)
}

/// Sizes of file systems are multiples of this, but for very small ones.
const BLOCK: u64 = 4096;

/// A file system that holds still; it goes on when this goes.
pub struct Frozen(File);

/// Stops all writing below a mount point.
pub fn freeze(mounted: &Path) -> io::Result<Frozen> {
    let file = File::open(mounted)?;
    // SAFETY: the call takes no argument that is a pointer.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), FIFREEZE as _, 0) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(Frozen(file)) }
}

/// Lets a file system go on that a process before us may have stopped.
pub fn thaw(mounted: &Path) {
    if let Ok(file) = File::open(mounted) {
        drop(Frozen(file));
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // SAFETY: the call takes no argument that is a pointer. It fails if nothing is frozen.
        unsafe { libc::ioctl(self.0.as_raw_fd(), FITHAW as _, 0) };
    }
}

/// Brings everything below a mount point to the device.
pub fn sync(mounted: &Path) -> io::Result<()> {
    let file = File::open(mounted)?;
    // SAFETY: the call takes a descriptor alone.
    let done = unsafe { libc::syncfs(file.as_raw_fd()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
