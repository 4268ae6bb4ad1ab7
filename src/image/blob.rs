//! Content by its digest: the unit of OCI images and registries.

use std::fmt::Write;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Some content with its digest. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is, such as `application/vnd.oci.image.config.v1+json`.
    pub media_type: &'static str,
    /// `sha256:` and 64 lower-case hexadecimal digits.
    pub digest: String,
    /// The content itself.
    pub bytes: Bytes,
}

impl Blob {
    pub(super) fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, digest: digest(&bytes), bytes: bytes.into() }
    }

    /// A JSON document as content.
    pub(super) fn json(media_type: &'static str, document: &impl serde::Serialize) -> Self {
        let bytes = serde_json::to_vec(document).expect("our documents have text keys only");
        Self::new(media_type, bytes)
    }

    /// The OCI descriptor by which other documents refer to it: media type, digest, size in bytes.
    pub(super) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }

    /// The digest without its algorithm.
    pub(super) fn hex(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

/// The SHA-256 of the bytes as OCI writes it.
pub(super) fn digest(bytes: &[u8]) -> String {
    named(Sha256::new_with_prefix(bytes))
}

/// The same of what a hasher was given.
pub(super) fn named(hasher: Sha256) -> String {
    let mut text = String::from("sha256:");
    for byte in hasher.finalize() {
        write!(text, "{byte:02x}").expect("text takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // The SHA-256 of "abc" from FIPS 180-4.
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), expected);
    }
}
