//! Layers: gzipped tar archives that come out the same whenever and wherever they are made.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::blob::{Blob, digest};

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

impl Layer {
    /// Packs the entries in their order. Their paths must be relative and stay inside.
    pub fn pack(entries: &[Entry<'_>]) -> Self {
        let mut archive = Builder::new(Vec::new());
        for entry in entries {
            append(&mut archive, entry)
                .expect("memory takes everything, and paths are checked by now");
        }
        let tar = archive.into_inner().expect("memory takes everything");
        Self { blob: Blob::new(MEDIA_TYPE, gzip(&tar)), diff_id: digest(&tar) }
    }
}

fn append(archive: &mut Builder<Vec<u8>>, entry: &Entry<'_>) -> io::Result<()> {
    let contents = entry.contents.unwrap_or_default();
    let mut header = Header::new_gnu();
    header.set_entry_type(match entry.contents {
        Some(_) => EntryType::Regular,
        None => EntryType::Directory,
    });
    header.set_size(contents.len() as u64);
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.into());
    header.set_gid(entry.owner.into());
    // No time of its own: equal contents must give equal digests.
    header.set_mtime(0);
    archive.append_data(&mut header, entry.path, contents)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    // The encoder writes neither a time nor a name. Speed counts more than size: it never leaves the machine.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut encoder, bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
