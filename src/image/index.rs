//! An index of platforms around an image.

use serde_json::{Value, json};

use super::blob::Blob;
use super::build::{Image, ImageSpec};
use super::config::Platform;
use super::extra;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image for several platforms.
#[derive(Clone, Debug)]
pub struct Index {
    /// The document that a tag names.
    pub document: Blob,
    /// What is in it for a platform that this machine does not run.
    pub foreign: Box<Image>,
}

/// The index of `image` and of one like it for a foreign platform. That one comes first: who takes the first, whatever
/// it is for, takes the wrong one.
pub(super) fn around(spec: &ImageSpec, image: &Image) -> Index {
    let platform = Platform::foreign();
    let foreign = Image::of(spec, platform, vec![extra::small(spec, 0)]);
    let manifests = [entry(&foreign.manifest, platform), entry(&image.manifest, Platform::ours())];
    let document = Blob::json(
        INDEX,
        &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }),
    );
    Index { document, foreign: Box::new(foreign) }
}

fn entry(manifest: &Blob, platform: Platform) -> Value {
    let mut entry = manifest.descriptor();
    entry["platform"] = json!({ "os": "linux", "architecture": platform.architecture });
    if let Some(variant) = platform.variant {
        entry["platform"]["variant"] = variant.into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use oci_spec::image::{Arch, ImageIndex};

    use super::*;

    #[test]
    fn the_index_has_the_image_and_a_foreign_one() {
        let spec = ImageSpec { index: true, ..ImageSpec::new("index") };
        let image = Image::build(&spec).expect("the spec is right");
        let index = image.index.as_ref().expect("one was wanted");
        assert_eq!(image.top(), &index.document);
        let parsed = ImageIndex::from_reader(&index.document.bytes[..]).expect("an OCI index");
        let listed: Vec<(String, Arch)> = parsed
            .manifests()
            .iter()
            .map(|entry| {
                let platform = entry.platform().as_ref().expect("every entry has one");
                (entry.digest().to_string(), platform.architecture().clone())
            })
            .collect();
        let foreign = Arch::from(Platform::foreign().architecture);
        assert_eq!(listed[0], (index.foreign.manifest.digest.clone(), foreign));
        assert_eq!(listed[1], (image.manifest.digest.clone(), Arch::default()));
        assert_ne!(index.foreign.id(), image.id());
    }
}
