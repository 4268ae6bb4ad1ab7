//! The OCI images that checks run: made in memory, from the guest that is built into stdcheck.
//!
//! [`Image::build`] turns an [`ImageSpec`] into a manifest, a config and at least two layers. The first holds the
//! guest and the files that every image has; it is the same in all of them, so that a runtime fetches it once. The
//! second is small and holds what tells this image from the others: to a runtime three tags of one content are one
//! image, and a check that removes it would take it from another check. `extra` has the layers, and `index` the
//! platforms, that only a check of images wants.
//!
//! [`archive::write`] writes an image as a file for nodes that may not pull.

pub mod archive;
mod base;
mod blob;
mod build;
mod config;
mod extra;
mod index;
mod layer;

pub use blob::Blob;
pub use build::{File, Image, ImageError, ImageSpec};
pub use index::Index;

/// The static program inside every image, at `/guest`: `src/guest/main.rs` tells what it does.
pub const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest"));

/// Images under this host hold our guest, whoever imported them.
pub const GUEST_HOST: &str = "stdcheck.local/";

/// The name of the test image in archives.
pub const GUEST_REFERENCE: &str = "stdcheck.local/guest:1";
