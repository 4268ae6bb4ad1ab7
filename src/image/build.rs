//! From what a check wants of an image to the image.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::base;
use super::blob::Blob;
use super::config::{self, Platform};
use super::extra;
use super::index::{self, Index};
use super::layer::{Entry, Layer};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Where `unique` is, relative to the root of the image.
const UNIQUE: &str = "etc/stdcheck-unique";

/// What an image is to be. Empty fields are left out of its config.
#[derive(Clone, Debug, Default)]
pub struct ImageSpec {
    /// ENTRYPOINT: program and arguments.
    pub entrypoint: Vec<String>,
    /// CMD: arguments that a container may replace.
    pub cmd: Vec<String>,
    /// Environment, each as `KEY=VALUE`.
    pub env: Vec<String>,
    /// Absolute path.
    pub working_dir: String,
    /// USER, in any form of the format: `uid`, `uid:gid`, `name`, `name:group`.
    pub user: String,
    /// STOPSIGNAL, such as `SIGUSR1`.
    pub stop_signal: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Absolute paths of VOLUMEs.
    pub volumes: Vec<String>,
    /// Files beside those that every image has.
    pub files: Vec<File>,
    /// Further layers, each with one small file.
    pub further_layers: usize,
    /// A path of the host's that one more layer tries to write to, past the root of the image.
    pub escape: Option<String>,
    /// The size of a file of noise, which does not compress, in a last layer of its own; 0: there is none.
    pub noise: usize,
    /// Whether the image is one of an index of platforms.
    pub index: bool,
    /// Any text; images with different texts have different ids.
    pub unique: String,
}

/// A file of root's in an image.
#[derive(Clone, Debug)]
pub struct File {
    /// Absolute or relative to the root; folders on the way are made.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// Why an image could not be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The path is empty, leaves the image, or cannot be a path.
    #[error("{0:?} is not the path of a file in an image")]
    Path(String),
}

/// An OCI image with all its content. Clones share it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The document that a tag or a digest in a reference names.
    pub manifest: Blob,
    /// How to run it.
    pub config: Blob,
    /// Its files: the shared layer, then its own.
    pub layers: Vec<Blob>,
    /// The index that it is in, if any.
    pub index: Option<Index>,
}

impl ImageSpec {
    /// An image that runs the guest as root, told from others by `unique`. Without arguments the guest waits.
    pub fn new(unique: impl Into<String>) -> Self {
        Self {
            entrypoint: vec!["/guest".into()],
            env: vec!["PATH=/".into()],
            unique: unique.into(),
            ..Self::default()
        }
    }
}

impl Image {
    /// Makes the image; equal specs give equal bytes.
    ///
    /// # Errors
    /// [`ImageError::Path`] where one of the spec's files has an impossible path.
    pub fn build(spec: &ImageSpec) -> Result<Self, ImageError> {
        let mut layers = vec![base::layer(), own_layer(spec)?];
        layers.extend((1..=spec.further_layers).map(|number| extra::small(spec, number)));
        layers.extend(spec.escape.as_deref().map(extra::escape));
        if spec.noise > 0 {
            layers.push(extra::noise(spec));
        }
        let image = Self::of(spec, Platform::ours(), layers);
        Ok(if spec.index {
            Self { index: Some(index::around(spec, &image)), ..image }
        } else {
            image
        })
    }

    /// The image with these layers, for a platform.
    pub(super) fn of(spec: &ImageSpec, platform: Platform, layers: Vec<Layer>) -> Self {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = config::document(spec, platform, &diff_ids);
        let layers: Vec<Blob> = layers.into_iter().map(|layer| layer.blob).collect();
        let manifest = Blob::json(
            MANIFEST,
            &json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.descriptor(),
                "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
            }),
        );
        Self { manifest, config, layers, index: None }
    }

    /// The image's id as runtimes have it, the digest of its config: `sha256:…`.
    pub fn id(&self) -> &str {
        &self.config.digest
    }

    /// What a tag names: the index, if there is one, else the manifest.
    pub fn top(&self) -> &Blob {
        self.index.as_ref().map_or(&self.manifest, |index| &index.document)
    }

    /// Everything that a registry serves as a blob: the config and the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

fn own_layer(spec: &ImageSpec) -> Result<Layer, ImageError> {
    let unique = format!("{}\n", spec.unique);
    let files = spec
        .files
        .iter()
        .map(|file| Ok((inside(&file.path)?, file)))
        .collect::<Result<Vec<_>, ImageError>>()?;
    let folders: BTreeSet<&str> = files.iter().flat_map(|(path, _)| folders_above(path)).collect();
    let mut entries: Vec<Entry<'_>> =
        folders.into_iter().map(|path| Entry::folder(path, 0o755)).collect();
    entries.push(Entry::file(UNIQUE, 0o644, unique.as_bytes()));
    entries.extend(files.iter().map(|(path, file)| Entry::file(path, file.mode, &file.contents)));
    Ok(Layer::pack(&entries))
}

/// The path relative to the root of the image.
fn inside(path: &str) -> Result<&str, ImageError> {
    let relative = path.trim_start_matches('/');
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if relative.split('/').all(plain) {
        Ok(relative)
    } else {
        Err(ImageError::Path(path.to_owned()))
    }
}

/// The folders that a path needs and the shared layer does not have, outermost first.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(at, _)| &path[..at])
        .filter(|folder| base::FOLDERS.iter().all(|(there, _)| there != folder))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use oci_spec::image::{ImageConfiguration, ImageManifest};

    use super::*;
    use crate::image::GUEST;
    use crate::image::blob::digest;

    fn spec() -> ImageSpec {
        ImageSpec {
            cmd: vec!["sleep".into()],
            working_dir: "/tmp".into(),
            user: "stdcheck:stdcheck-a".into(),
            stop_signal: Some("SIGUSR1".into()),
            labels: (0..20).map(|n| (format!("label-{n}"), n.to_string())).collect(),
            volumes: (0..20).map(|n| format!("/volume-{n}")).collect(),
            files: vec![File {
                path: "/srv/deep/file".into(),
                mode: 0o640,
                contents: b"text".to_vec(),
            }],
            ..ImageSpec::new("a check")
        }
    }

    fn image() -> Image {
        Image::build(&spec()).expect("the spec is right")
    }

    fn unpacked(layer: &Blob) -> Vec<u8> {
        let mut tar = Vec::new();
        GzDecoder::new(&layer.bytes[..]).read_to_end(&mut tar).expect("a layer is gzip");
        tar
    }

    /// Path, permission bits, owner and contents of each entry.
    fn entries(layer: &Blob) -> Vec<(String, u32, u64, Vec<u8>)> {
        let tar = unpacked(layer);
        let mut archive = tar::Archive::new(&tar[..]);
        let entries = archive.entries().expect("a layer is a tar archive");
        entries
            .map(|entry| {
                let mut entry = entry.expect("the archive is whole");
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).expect("the archive is whole");
                let path = entry.path().expect("paths are text").display().to_string();
                let header = entry.header();
                (path, header.mode().expect("a mode"), header.uid().expect("a user"), contents)
            })
            .collect()
    }

    #[test]
    fn equal_specs_give_equal_bytes() {
        let (one, two) = (image(), image());
        assert_eq!(one.manifest, two.manifest);
        assert_eq!(one.config, two.config);
        assert_eq!(one.layers, two.layers);
    }

    #[test]
    fn another_text_makes_another_image_with_the_same_large_layer() {
        let one = image();
        let two = Image::build(&ImageSpec { unique: "another check".into(), ..spec() })
            .expect("the spec is right");
        assert_ne!(one.id(), two.id());
        assert_ne!(one.manifest.digest, two.manifest.digest);
        assert_eq!(one.layers[0], two.layers[0]);
        assert!(one.layers[1].bytes.len() < 1024);
    }

    #[test]
    fn the_documents_are_oci_and_fit_together() {
        let image = image();
        let manifest =
            ImageManifest::from_reader(&image.manifest.bytes[..]).expect("an OCI manifest");
        assert_eq!(manifest.config().digest().to_string(), image.id());
        assert_eq!(manifest.config().size(), image.config.bytes.len() as u64);
        for (listed, layer) in manifest.layers().iter().zip(&image.layers) {
            assert_eq!(listed.digest().to_string(), digest(&layer.bytes));
            assert_eq!(listed.size(), layer.bytes.len() as u64);
            assert_eq!(listed.media_type().to_string(), layer.media_type);
        }

        let config =
            ImageConfiguration::from_reader(&image.config.bytes[..]).expect("an OCI config");
        let diff_ids: Vec<String> =
            image.layers.iter().map(|layer| digest(&unpacked(layer))).collect();
        assert_eq!(config.rootfs().diff_ids(), &diff_ids);
        let run = config.config().as_ref().expect("something to run");
        assert_eq!(run.entrypoint().as_deref(), Some(&["/guest".to_owned()][..]));
        assert_eq!(run.cmd().as_deref(), Some(&["sleep".to_owned()][..]));
        assert_eq!(run.user().as_deref(), Some("stdcheck:stdcheck-a"));
        assert_eq!(run.working_dir().as_deref(), Some("/tmp"));
        assert_eq!(run.stop_signal().as_deref(), Some("SIGUSR1"));
        assert_eq!(run.labels().as_ref().map(|labels| labels.len()), Some(20));
        assert_eq!(run.volumes().as_ref().map(Vec::len), Some(20));
    }

    #[test]
    fn the_layers_hold_the_guest_and_the_files() {
        let image = image();
        let shared = entries(&image.layers[0]);
        assert!(
            shared
                .iter()
                .any(|(path, mode, _, bytes)| path == "guest" && *mode == 0o755 && bytes == GUEST)
        );
        assert!(shared.iter().any(|(path, mode, ..)| path == "tmp" && *mode == 0o1777));
        assert!(shared.iter().any(|(path, _, user, _)| path == "home/stdcheck" && *user == 1000));

        let own: Vec<_> =
            entries(&image.layers[1]).into_iter().map(|(path, mode, ..)| (path, mode)).collect();
        let expected =
            [("srv", 0o755), ("srv/deep", 0o755), (UNIQUE, 0o644), ("srv/deep/file", 0o640)];
        assert_eq!(own, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    #[test]
    fn paths_that_no_file_in_an_image_has_are_refused() {
        for path in ["", "/", "../etc/shadow", "a/../../b", "a//b", "a/", "./a", "a\0b"] {
            let file = File { path: path.into(), mode: 0o644, contents: Vec::new() };
            let refused = Image::build(&ImageSpec { files: vec![file], ..ImageSpec::new("") });
            assert_eq!(refused.err(), Some(ImageError::Path(path.into())));
        }
    }
}
