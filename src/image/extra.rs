//! Layers that only checks of images want: more of them, large ones, and one that does harm.

use std::io::{self, Read};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::build::ImageSpec;
use super::layer::{Entry, Layer, Packer, header};

/// How many folders up the root of any image on a host is reached.
const DEEPEST: usize = 40;
/// What fits into the header of a tar entry; a longer name or link needs an entry of its own before it.
const SHORT: usize = 100;

/// A layer with one small file.
pub(super) fn small(spec: &ImageSpec, number: usize) -> Layer {
    let path = format!("layers/{number}");
    let text = format!("{} {number}\n", spec.unique);
    Layer::pack(&[Entry::folder("layers", 0o755), Entry::file(&path, 0o644, text.as_bytes())])
}

/// A layer with one file that does not compress, other for each `unique`.
pub(super) fn noise(spec: &ImageSpec) -> Layer {
    let seed = Sha256::digest(&spec.unique);
    let state = seed.iter().fold(0u64, |state, byte| state.rotate_left(8) ^ u64::from(*byte));
    let mut archive = Layer::archive();
    let noise = Noise(state).take(spec.noise as u64);
    archive
        .append_data(&mut header(0o644, 0, spec.noise), "noise", noise)
        .expect("memory takes everything");
    Layer::of(archive)
}

/// Bytes without end, by splitmix64.
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
        Ok(buffer.len())
    }
}

/// A layer that tries to write to `target`, an absolute path of the host's, in three ways. The one that some unpackers
/// end at comes last.
pub(super) fn escape(target: &str) -> Layer {
    let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
    let mut archive = Layer::archive();
    let mut add = |name: &str, link: Option<&str>| {
        append(&mut archive, name, link).expect("memory takes everything");
    };
    add("way-out", Some(folder));
    add(&format!("way-out/{name}"), None);
    add(target, None);
    add(&format!("{}{}", "../".repeat(DEEPEST), target.trim_start_matches('/')), None);
    Layer::of(archive)
}

/// An entry whose name the archive's writer does not look at: a symbolic link, or a file.
fn append(archive: &mut Builder<Packer>, name: &str, link: Option<&str>) -> io::Result<()> {
    const TEXT: &[u8] = b"stdcheck: a layer wrote outside the root of its image\n";
    for (kind, text) in [(EntryType::GNULongName, Some(name)), (EntryType::GNULongLink, link)] {
        if let Some(text) = text.filter(|text| text.len() > SHORT) {
            let mut long = raw("././@LongLink", kind, text.len() + 1);
            long.set_cksum();
            archive.append(&long, [text.as_bytes(), &[0]].concat().as_slice())?;
        }
    }
    let (kind, contents) = match link {
        Some(_) => (EntryType::Symlink, &[][..]),
        None => (EntryType::Regular, TEXT),
    };
    let mut header = raw(name, kind, contents.len());
    let link = start(link.unwrap_or_default());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_cksum();
    archive.append(&header, contents)
}

/// A header without a checksum; of a long name it has the beginning.
fn raw(name: &str, kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size as u64);
    let name = start(name);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header
}

/// What of a text is in a header.
fn start(text: &str) -> &[u8] {
    &text.as_bytes()[..text.len().min(SHORT)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, blob::digest};

    fn names(layer: &Layer) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&layer.blob.bytes[..]));
        let entries = archive.entries().expect("a tar archive");
        entries
            .map(|entry| {
                let entry = entry.expect("the archive is whole");
                (entry.path_bytes().into_owned(), entry.link_name_bytes().map(Into::into))
            })
            .collect()
    }

    #[test]
    fn noise_has_its_size_compresses_not_and_differs() {
        let spec = |unique: &str| ImageSpec { noise: 100_001, ..ImageSpec::new(unique) };
        let (one, two) = (noise(&spec("one")), noise(&spec("two")));
        assert!(one.blob.bytes.len() > 100_001, "{}", one.blob.bytes.len());
        assert_ne!(one.diff_id, two.diff_id);
        assert_eq!(one.diff_id, noise(&spec("one")).diff_id);
    }

    #[test]
    fn the_layers_come_in_the_order_of_the_spec() {
        let spec = ImageSpec {
            further_layers: 2,
            noise: 10,
            escape: Some("/a/b".into()),
            ..ImageSpec::new("all")
        };
        let image = Image::build(&spec).expect("the spec is right");
        assert_eq!(image.layers.len(), 6);
        let digests = [small(&spec, 1), small(&spec, 2), escape("/a/b"), noise(&spec)]
            .map(|layer| digest(&layer.blob.bytes));
        assert!(image.layers[2..].iter().map(|layer| &layer.digest).eq(&digests));
    }

    #[test]
    fn the_escape_tries_three_ways() {
        for target in ["/run/stdcheck/canary".to_owned(), format!("/{}/canary", "x".repeat(200))] {
            let folder = target.trim_end_matches("/canary").as_bytes();
            let up = format!("{}{}", "../".repeat(DEEPEST), &target[1..]).into_bytes();
            let expected = [
                (b"way-out".to_vec(), Some(folder.to_vec())),
                (b"way-out/canary".to_vec(), None),
                (target.clone().into_bytes(), None),
                (up, None),
            ];
            assert_eq!(names(&escape(&target)), expected);
        }
    }
}
