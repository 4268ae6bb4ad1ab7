//! Files below the root of a process of this host.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::{
        fd::{AsFd, AsRawFd as _, OwnedFd},
        unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, PosixFadviseAdvice, ResolveFlag, openat2, posix_fadvise},
    sys::{
        stat::{Mode, mkdirat},
        statvfs::fstatvfs,
    },
    unistd::{UnlinkatFlags, unlinkat},
};

use super::{
    Compared, Kind, LONGEST, Look, MOST_ENTRIES, PREFIX, Pattern, Place, Written,
    mounts::{self, Mount},
    take_away,
};

const CHUNK: usize = 256 * 1024;
/// Opens nothing: it is only a place.
const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// A root, and where its mounts stand.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    mountinfo: PathBuf,
}

impl Local {
    pub fn new(root: PathBuf) -> Local {
        let beside = root.parent().map(|process| process.join("mountinfo"));
        let mountinfo = match beside {
            Some(beside) if root.ends_with("root") && beside.exists() => beside,
            _ => PathBuf::from("/proc/thread-self/mountinfo"),
        };
        Local { root, mountinfo }
    }

    /// Opens below the root, whatever links stand in the way.
    fn open(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let root = nix::fcntl::open(&self.root, PLACE | OFlag::O_DIRECTORY, Mode::empty())?;
        let mode = if flags.contains(OFlag::O_CREAT) { 0o666 } else { 0 };
        open_at(&root, path, flags, mode, ResolveFlag::RESOLVE_IN_ROOT)
    }

    fn mounts(&self) -> Result<Vec<Mount>, String> {
        let told = |error| format!("cannot read {}: {error}", self.mountinfo.display());
        std::fs::read(&self.mountinfo)
            .map(|text| mounts::parse(&String::from_utf8_lossy(&text)))
            .map_err(told)
    }

    pub fn look(&self, path: &str) -> Result<Look, String> {
        let told = |error: Errno| format!("cannot look at {path} on the driver's node: {error}");
        let found = match self.find(path) {
            Ok(found) => found,
            Err(error) if is_nothing(error) => return Ok(Look::default()),
            Err(error) => return Err(told(error)),
        };
        let metadata = File::from(found.try_clone().map_err(|error| error.to_string())?)
            .metadata()
            .map_err(|error| told(from_io(&error)))?;
        let kind = kind(&metadata);
        let mount_id = mount_id(&found).map_err(told)?;
        let mounts = self.mounts()?;
        let mount = mounts.iter().find(|mount| mount.id == mount_id);
        let mut look = Look {
            kind,
            mounted: self.is_mounted(path, mount_id).map_err(told)?,
            uid: metadata.uid(),
            gid: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            ..Look::default()
        };
        if let Some(mount) = mount {
            look.fs_type.clone_from(&mount.fs_type);
            look.options.clone_from(&mount.options);
            look.read_only = mount.is_read_only();
        }
        if let Ok(stat) = fstatvfs(&found) {
            let unit = stat.fragment_size();
            look.total_bytes = stat.blocks().saturating_mul(unit);
            look.available_bytes = stat.blocks_available().saturating_mul(unit);
        }
        match kind {
            Kind::Block => {
                let device = metadata.rdev();
                look.device_bytes =
                    self.device_size(path).unwrap_or_else(|| said(device, "size") * 512);
                look.read_only = said(device, "ro") == 1;
            }
            // Some drivers publish a link to a device.
            Kind::Symlink => look.device_bytes = self.device_size(path).unwrap_or(0),
            Kind::Directory => look.entries = self.entries(path).map_err(told)?,
            Kind::Nothing | Kind::File | Kind::Other => {}
        }
        Ok(look)
    }

    /// A place; the link itself, if its last part is one.
    fn find(&self, path: &str) -> Result<OwnedFd, Errno> {
        if !path.starts_with('/') {
            return Err(Errno::ENOENT);
        }
        self.open(Path::new(path), PLACE | OFlag::O_NOFOLLOW)
    }

    /// A mount begins where what is above belongs to another one.
    fn is_mounted(&self, path: &str, id: u64) -> Result<bool, Errno> {
        let path = path.trim_end_matches('/');
        let Some((above, name)) = path.rsplit_once('/') else { return Ok(true) };
        if name == "." || name == ".." {
            return self.is_mounted(above, id);
        }
        let above = if above.is_empty() { "/" } else { above };
        Ok(mount_id(&self.open(Path::new(above), PLACE)?)? != id)
    }

    /// The size of the device that a path leads to; none if it is no device or cannot be opened.
    fn device_size(&self, path: &str) -> Option<u64> {
        let path = Path::new(path);
        let place = File::from(self.open(path, PLACE).ok()?);
        if !place.metadata().ok()?.file_type().is_block_device() {
            return None;
        }
        let mut device = File::from(self.open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK).ok()?);
        device.seek(SeekFrom::End(0)).ok()
    }

    fn entries(&self, path: &str) -> Result<Vec<String>, Errno> {
        let folder = self.open(Path::new(path), OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut names = take_away::names(&folder, MOST_ENTRIES)?
            .into_iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect::<Vec<_>>();
        names.sort();
        Ok(names)
    }

    /// A block device as it is, a file in a folder; made if it is to be written.
    fn data(&self, place: &Place, flags: OFlag) -> Result<File, Errno> {
        let path = Path::new(&place.path);
        if !path.is_absolute() {
            return Err(Errno::ENOENT);
        }
        // A pipe would keep us.
        let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let at = File::from(self.open(path, PLACE)?);
        let is_device =
            at.metadata().map_err(|error| from_io(&error))?.file_type().is_block_device();
        let file = if is_device {
            self.open(path, flags.difference(OFlag::O_CREAT))?
        } else {
            self.open(&path.join(&place.file), flags)?
        };
        let file = File::from(file);
        let metadata = file.metadata().map_err(|error| from_io(&error))?;
        if metadata.is_file() || metadata.file_type().is_block_device() {
            Ok(file)
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub fn write(&self, place: &Place, pattern: Pattern) -> Written {
        self.write_from(place, |offset, length| pattern.bytes(offset, length))
    }

    pub fn put(&self, place: &Place, bytes: &[u8]) -> Written {
        self.write_from(place, |offset, length| {
            let from = usize::try_from(offset - place.offset).unwrap_or(usize::MAX);
            bytes.get(from..from.saturating_add(length)).unwrap_or_default().to_owned()
        })
    }

    /// Asks for the bytes from an offset on, so many at a time.
    fn write_from(&self, place: &Place, bytes: impl Fn(u64, usize) -> Vec<u8>) -> Written {
        let mut written = Written::default();
        let mut done = || -> Result<(), Errno> {
            let file = self.data(place, OFlag::O_WRONLY | OFlag::O_CREAT)?;
            while written.bytes < place.size {
                let at = place.offset + written.bytes;
                let bytes = bytes(at, chunk(place.size - written.bytes));
                let count = file.write_at(&bytes, at).map_err(|error| from_io(&error))?;
                if count == 0 {
                    return Err(Errno::ENOSPC);
                }
                written.bytes += count as u64;
            }
            file.sync_all().map_err(|error| from_io(&error))
        };
        if let Err(error) = done() {
            written.error = name(error);
        }
        written
    }

    pub fn get(&self, place: &Place) -> Result<Option<Vec<u8>>, String> {
        let read = || -> Result<Option<Vec<u8>>, Errno> {
            let file = match self.data(place, OFlag::O_RDONLY) {
                Err(error) if is_nothing(error) => return Ok(None),
                file => file?,
            };
            let mut bytes = vec![0; chunk(place.size)];
            match file.read_exact_at(&mut bytes, place.offset) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
                done => done.map(|()| Some(bytes)).map_err(|error| from_io(&error)),
            }
        };
        read().map_err(|error| format!("cannot read {} on the driver's node: {error}", place.path))
    }

    pub fn compare(&self, place: &Place, pattern: Pattern) -> Compared {
        let same = || -> Result<bool, Errno> {
            let file = self.data(place, OFlag::O_RDONLY)?;
            // What the device holds, and not what somebody read before it was changed beneath.
            let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
            let mut seen = 0;
            let mut bytes = vec![0; chunk(place.size)];
            while seen < place.size {
                let at = place.offset + seen;
                let wanted = chunk(place.size - seen);
                let count =
                    file.read_at(&mut bytes[..wanted], at).map_err(|error| from_io(&error))?;
                if count == 0 || bytes[..count] != pattern.bytes(at, count) {
                    return Ok(false);
                }
                seen += count as u64;
            }
            Ok(true)
        };
        match same() {
            Ok(same) => Compared { error: String::new(), same },
            Err(error) => Compared { error: name(error), same: false },
        }
    }

    pub fn content(&self, path: &str) -> Result<Option<String>, String> {
        let told = |error: Errno| format!("cannot read {path} on the driver's node: {error}");
        if !path.starts_with('/') {
            return Ok(None);
        }
        let file = match self.open(Path::new(path), OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
            Ok(file) => File::from(file),
            Err(error) if is_nothing(error) => return Ok(None),
            Err(error) => return Err(told(error)),
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(told(Errno::EINVAL));
        }
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| told(from_io(&error)))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub fn touch(&self, path: &str, content: &[u8]) -> Result<(), String> {
        let told = |error: Errno| format!("cannot write {path} on the driver's node: {error}");
        if !path.starts_with('/') {
            return Err(told(Errno::ENOENT));
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let mut file = File::from(self.open(Path::new(path), flags).map_err(told)?);
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(told(Errno::EINVAL));
        }
        let put = file.set_len(0).and_then(|()| file.write_all(content));
        put.map_err(|error| told(from_io(&error)))
    }

    pub fn make_folder(&self, path: &str) -> Result<Vec<String>, String> {
        let told = |error: Errno| format!("cannot make {path} on the driver's node: {error}");
        if !path.starts_with('/') {
            return Err(told(Errno::ENOENT));
        }
        // Most of it is there already.
        let path = Path::new(path);
        let mut missing = Vec::new();
        let mut above = loop {
            let at = path.ancestors().nth(missing.len()).unwrap_or(Path::new("/"));
            match self.open(at, PLACE | OFlag::O_DIRECTORY) {
                Ok(above) => break above,
                Err(Errno::ENOENT) if at != Path::new("/") => missing.push(at),
                Err(error) => return Err(told(error)),
            }
        };
        let mut made = Vec::new();
        for at in missing.into_iter().rev() {
            let name = Path::new(at.file_name().ok_or_else(|| told(Errno::EINVAL))?);
            match mkdirat(&above, name, Mode::from_bits_truncate(0o755)) {
                Ok(()) => made.push(at.display().to_string()),
                // Another check makes its own beside us.
                Err(Errno::EEXIST) => {}
                Err(error) => return Err(told(error)),
            }
            above = self.open(at, PLACE | OFlag::O_DIRECTORY).map_err(told)?;
        }
        Ok(made)
    }

    pub fn remove(&self, path: &str) -> Result<(), String> {
        let Some((folder, below)) = mounts::ours(Path::new(path), PREFIX) else {
            return Err(format!("{path} is not ours to remove"));
        };
        let told = |error: Errno| match error {
            Errno::EXDEV | Errno::EBUSY => {
                format!("{path} is not removed: something is still mounted there")
            }
            Errno::ELOOP => format!("{path} is not removed: a link leads to it"),
            error => format!("cannot remove {path} on the driver's node: {error}"),
        };
        let (Some(above), Some(own)) = (folder.parent(), folder.file_name()) else {
            return Err(told(Errno::EINVAL));
        };
        let above = match self.open(above, PLACE | OFlag::O_DIRECTORY) {
            Ok(above) => above,
            Err(error) if is_nothing(error) => return Ok(()),
            Err(error) => return Err(told(error)),
        };
        match take_away::remove(&above, &Path::new(own).join(below)) {
            Err(error) if is_nothing(error) => Ok(()),
            done => done.map_err(told),
        }
    }

    pub fn discard(&self, path: &str) -> Result<(), String> {
        let path = Path::new(path);
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let done = || -> Result<(), Errno> {
            let place = File::from(self.open(path, PLACE | OFlag::O_NOFOLLOW)?);
            if !place.metadata().map_err(|error| from_io(&error))?.is_file() {
                return Ok(());
            }
            let above = self.open(above, PLACE | OFlag::O_DIRECTORY)?;
            unlinkat(&above, Path::new(name), UnlinkatFlags::NoRemoveDir)
        };
        match done() {
            Err(error) if is_nothing(error) || error == Errno::EROFS => Ok(()),
            done => done.map_err(|error| {
                format!("cannot remove {} on the driver's node: {error}", path.display())
            }),
        }
    }

    pub fn mounts_below(&self, path: &str) -> Result<Vec<String>, String> {
        let mounts = self.mounts()?;
        let mut points = mounts::below(&mounts, Path::new(path));
        // The kernel names them without the links that may lead there.
        if let Ok(found) = self.open(Path::new(path), PLACE)
            && let Ok(real) = std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd()))
        {
            points.extend(mounts::below(&mounts, &real));
        }
        points.sort();
        points.dedup();
        Ok(points)
    }
}

/// Opens below a folder.
pub(super) fn open_at(
    folder: impl AsFd,
    path: &Path,
    flags: OFlag,
    mode: u32,
    resolve: ResolveFlag,
) -> Result<OwnedFd, Errno> {
    const TRIES: usize = 64;
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(Mode::from_bits_truncate(mode))
        .resolve(resolve | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 0..TRIES {
        match openat2(&folder, path, how) {
            // Somebody renamed something in the way just then.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            done => return done,
        }
    }
    Err(Errno::EAGAIN)
}

/// The number of the mount that a place belongs to.
fn mount_id(place: &OwnedFd) -> Result<u64, Errno> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", place.as_raw_fd()))
        .map_err(|error| from_io(&error))?;
    text.lines()
        .find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
        .ok_or(Errno::ENODATA)
}

/// What the kernel says of a device.
fn said(device: u64, what: &str) -> u64 {
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/{what}"))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

fn kind(metadata: &std::fs::Metadata) -> Kind {
    let kind = metadata.file_type();
    if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else if kind.is_symlink() {
        Kind::Symlink
    } else if kind.is_block_device() {
        Kind::Block
    } else {
        Kind::Other
    }
}

fn chunk(left: u64) -> usize {
    usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)
}

fn is_nothing(error: Errno) -> bool {
    matches!(error, Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::EINVAL)
}

pub(super) fn from_io(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// `EROFS`
fn name(error: Errno) -> String {
    format!("{error:?}")
}
