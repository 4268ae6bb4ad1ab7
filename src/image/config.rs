//! The config document of an image.
//!
//! Not oci-spec's: that one keeps labels and volumes in hash maps, and a document whose order changes has another
//! digest every time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::blob::Blob;
use super::build::ImageSpec;

const MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Any fixed time would do; this one is seen to be no real one.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
struct Document<'a> {
    created: &'static str,
    architecture: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'static str>,
    os: &'static str,
    config: Execution<'a>,
    rootfs: RootFs<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    env: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cmd: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<&'a str, Nothing>,
    #[serde(skip_serializing_if = "str::is_empty")]
    working_dir: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<&'a str>,
}

/// `{}`: the format has a set of volumes as a map to nothing.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct RootFs<'a> {
    r#type: &'static str,
    diff_ids: &'a [&'a str],
}

/// The config of an image with these layers, given by the digests of their uncompressed archives.
pub(super) fn document(spec: &ImageSpec, platform: Platform, diff_ids: &[&str]) -> Blob {
    let document = Document {
        created: CREATED,
        architecture: platform.architecture,
        variant: platform.variant,
        os: "linux",
        config: Execution {
            user: &spec.user,
            env: &spec.env,
            entrypoint: &spec.entrypoint,
            cmd: &spec.cmd,
            volumes: spec.volumes.iter().map(|path| (path.as_str(), Nothing {})).collect(),
            working_dir: &spec.working_dir,
            labels: &spec.labels,
            stop_signal: spec.stop_signal.as_deref(),
        },
        rootfs: RootFs { r#type: "layers", diff_ids },
    };
    Blob::json(MEDIA_TYPE, &document)
}

/// Architecture and variant as OCI names them; they are Go's words.
#[derive(Clone, Copy)]
pub(super) struct Platform {
    pub architecture: &'static str,
    pub variant: Option<&'static str>,
}

impl Platform {
    /// That of the guest and so of stdcheck itself.
    pub fn ours() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", None),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            "loongarch64" => ("loong64", None),
            // riscv64 and s390x have one name everywhere.
            other => (other, None),
        };
        Self { architecture, variant }
    }

    /// One that this machine does not run.
    pub fn foreign() -> Self {
        let architecture = if Self::ours().architecture == "s390x" { "ppc64le" } else { "s390x" };
        Self { architecture, variant: None }
    }
}
