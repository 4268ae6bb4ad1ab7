//! Layers: gzipped tar archives that come out the same whenever and wherever they are made.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::blob::{Blob, named};

const MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A file or folder of a layer.
pub(super) struct Entry<'a> {
    /// Relative to the root of the image.
    pub path: &'a str,
    /// Permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: u32,
    /// What is in the file; `None` makes a folder.
    pub contents: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// A file of root's.
    pub fn file(path: &'a str, mode: u32, contents: &'a [u8]) -> Self {
        Self { path, mode, owner: 0, contents: Some(contents) }
    }

    /// A folder of root's.
    pub fn folder(path: &'a str, mode: u32) -> Self {
        Self { path, mode, owner: 0, contents: None }
    }
}

/// A layer and the digest of its archive before compression, by which an image's config knows it.
#[derive(Clone)]
pub(super) struct Layer {
    pub blob: Blob,
    pub diff_id: String,
}

/// Compresses an archive while it is written: a large one is never in memory as a whole.
pub(super) struct Packer {
    digest: Sha256,
    // The encoder writes neither a time nor a name.
    gzip: GzEncoder<Vec<u8>>,
}

impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.gzip.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

impl Layer {
    /// Packs the entries in their order. Their paths must be relative and stay inside.
    pub fn pack(entries: &[Entry<'_>]) -> Self {
        let mut archive = Self::archive();
        for entry in entries {
            append(&mut archive, entry)
                .expect("memory takes everything, and paths are checked by now");
        }
        Self::of(archive)
    }

    /// An archive to be filled.
    pub fn archive() -> Builder<Packer> {
        // Speed counts more than size: it never leaves the machine.
        let gzip = GzEncoder::new(Vec::new(), Compression::fast());
        Builder::new(Packer { digest: Sha256::new(), gzip })
    }

    /// The layer of an archive.
    pub fn of(archive: Builder<Packer>) -> Self {
        let Packer { digest, gzip } = archive.into_inner().expect("memory takes everything");
        let packed = gzip.finish().expect("memory takes everything");
        Self { blob: Blob::new(MEDIA_TYPE, packed), diff_id: named(digest) }
    }
}

fn append(archive: &mut Builder<Packer>, entry: &Entry<'_>) -> io::Result<()> {
    let contents = entry.contents.unwrap_or_default();
    let mut header = header(entry.mode, entry.owner, contents.len());
    header.set_entry_type(match entry.contents {
        Some(_) => EntryType::Regular,
        None => EntryType::Directory,
    });
    archive.append_data(&mut header, entry.path, contents)
}

/// The header of a file without its path.
pub(super) fn header(mode: u32, owner: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(owner.into());
    header.set_gid(owner.into());
    // No time of its own: equal contents must give equal digests.
    header.set_mtime(0);
    header
}
