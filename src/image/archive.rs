//! An image as one file, for nodes that may not pull: `stdcheck cri image --export FILE`.
//!
//! The file is an OCI layout in a tar archive, with the `manifest.json` of Docker beside it: `ctr images import`,
//! `podman load`, `docker load`, `nerdctl load` and skopeo each find the form that they know.

use std::io::{self, Write};

use oci_spec::distribution::{ParseError, Reference};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::Image;

/// Why an image was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The name is no image reference.
    #[error("{reference:?} is not a name for an image: {source}")]
    Reference {
        /// As it was given.
        reference: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The name is a digest, or has one.
    #[error(
        "{0:?} has a digest: an exported image needs a name with a tag, such as registry.example/image:tag"
    )]
    Digest(String),
    /// The archive could not be written.
    #[error("the image could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes the image under the name `reference`, which is completed as Docker does it (`a` is
/// `docker.io/library/a:latest`), and returns the complete name.
///
/// # Errors
/// See [`ArchiveError`]; what was written by then is no archive.
pub fn write(image: &Image, reference: &str, out: impl Write) -> Result<String, ArchiveError> {
    let parsed: Reference = reference
        .parse()
        .map_err(|source| ArchiveError::Reference { reference: reference.to_owned(), source })?;
    let (name, Some(tag), None) = (parsed.whole(), parsed.tag(), parsed.digest()) else {
        return Err(ArchiveError::Digest(reference.to_owned()));
    };
    let mut archive = Builder::new(out);
    add(&mut archive, "oci-layout", &text(&json!({ "imageLayoutVersion": "1.0.0" })))?;
    add(&mut archive, "index.json", &text(&index(image, &name, tag)))?;
    add(&mut archive, "manifest.json", &text(&docker(image, &name)))?;
    for folder in ["blobs", "blobs/sha256"] {
        archive.append_data(&mut header(EntryType::Directory, 0o755, 0), folder, io::empty())?;
    }
    for blob in image.blobs().chain([&image.manifest]) {
        add(&mut archive, &path(blob.hex()), &blob.bytes)?;
    }
    archive.into_inner()?.flush()?;
    Ok(name)
}

/// The entry of an OCI layout. containerd and podman take the name from the first annotation, others from the second.
fn index(image: &Image, name: &str, tag: &str) -> Value {
    let mut manifest = image.manifest.descriptor();
    manifest["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": tag,
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest],
    })
}

/// The entry of `docker save`.
fn docker(image: &Image, name: &str) -> Value {
    json!([{
        "Config": path(image.config.hex()),
        "RepoTags": [name],
        "Layers": image.layers.iter().map(|layer| path(layer.hex())).collect::<Vec<_>>(),
    }])
}

fn path(hex: &str) -> String {
    format!("blobs/sha256/{hex}")
}

fn text(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

fn add(archive: &mut Builder<impl Write>, path: &str, contents: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(EntryType::Regular, 0o644, contents.len()), path, contents)
}

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use oci_spec::image::{ImageIndex, OciLayout};

    use super::*;
    use crate::image::ImageSpec;
    use crate::image::blob::digest;

    fn export(reference: &str) -> Result<(Image, String, Vec<u8>), ArchiveError> {
        let image = Image::build(&ImageSpec::new("export")).expect("the spec is right");
        let mut file = Vec::new();
        let name = write(&image, reference, &mut file)?;
        Ok((image, name, file))
    }

    fn files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().expect("a tar archive");
        entries
            .map(|entry| {
                let mut entry = entry.expect("the archive is whole");
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).expect("the archive is whole");
                (entry.path().expect("paths are text").display().to_string(), contents)
            })
            .collect()
    }

    #[test]
    fn the_archive_is_an_oci_layout_and_a_docker_archive() {
        let (image, name, tar) = export("registry.example/stdcheck:1").expect("the name is right");
        assert_eq!(name, "registry.example/stdcheck:1");
        let files = files(&tar);
        OciLayout::from_reader(&files["oci-layout"][..]).expect("an OCI layout");
        let index = ImageIndex::from_reader(&files["index.json"][..]).expect("an OCI index");
        let entry = &index.manifests()[0];
        assert_eq!(entry.digest().to_string(), image.manifest.digest);
        let annotations = entry.annotations().as_ref().expect("a name");
        assert_eq!(annotations["io.containerd.image.name"], name);
        assert_eq!(annotations["org.opencontainers.image.ref.name"], "1");

        let docker: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
        assert_eq!(docker[0]["RepoTags"], json!([name]));
        let config = docker[0]["Config"].as_str().expect("a path");
        assert_eq!(digest(&files[config]), image.id());
        assert_eq!(docker[0]["Layers"].as_array().map(Vec::len), Some(image.layers.len()));

        for (path, contents) in files.iter().filter(|(path, _)| path.starts_with("blobs/sha256/")) {
            assert_eq!(digest(contents).replace("sha256:", "blobs/sha256/"), *path);
        }
    }

    #[test]
    fn equal_images_give_equal_archives_and_short_names_are_completed() {
        let (_, name, one) = export("stdcheck").expect("the name is right");
        let (_, _, two) = export("stdcheck").expect("the name is right");
        assert_eq!(one, two);
        assert_eq!(name, "docker.io/library/stdcheck:latest");
    }

    #[test]
    fn names_that_cannot_be_given_are_refused() {
        assert!(matches!(export("UPPER CASE"), Err(ArchiveError::Reference { .. })));
        let digest = format!("registry.example/stdcheck@{}", digest(b""));
        assert!(matches!(export(&digest), Err(ArchiveError::Digest(_))));
    }
}
