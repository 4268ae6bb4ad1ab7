//! Fetches an image: index, manifest, config and the layers that are not there yet, each verified
//! by its digest. Its files are not kept: nothing is run from them.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tonic::Status;

use super::{reference::Reference, registry::Registry};

/// What was fetched.
pub struct Fetched {
    /// The digest of the config.
    pub id: String,
    /// The digests of what the reference stood for: of the index and the manifest, if there are two.
    pub digests: Vec<String>,
    /// The digests of the layers.
    pub layers: Vec<String>,
    /// Of config and layers, as they are served.
    pub size: u64,
    /// How containers of it are run.
    pub config: Config,
}

/// What an image says about its containers.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Config {
    /// ENTRYPOINT
    pub entrypoint: Vec<String>,
    /// CMD
    pub cmd: Vec<String>,
    /// STOPSIGNAL
    pub stop_signal: String,
    /// USER
    pub user: String,
}

/// A descriptor, as far as we read it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    size: u64,
    #[serde(default)]
    platform: Value,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Document {
    /// Of an index.
    manifests: Vec<Descriptor>,
    /// Of a manifest.
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
}

/// Fetches what a reference stands for, without the layers that are `there`. Where it is `careless`, it
/// takes what is sent for what was asked for.
pub async fn fetch(
    registry: &mut Registry,
    reference: &Reference,
    there: &BTreeSet<String>,
    careless: bool,
) -> Result<Fetched, Status> {
    let verified = |bytes: Bytes, as_told: &Descriptor| match careless {
        true => Ok(bytes),
        false => verified(bytes, as_told),
    };
    let repository = format!("/v2/{}", reference.repository);
    let top = registry.get(&format!("{repository}/manifests/{}", reference.wanted)).await?;
    let mut digests = vec![digest(&top)];
    if !careless && reference.wanted.starts_with("sha256:") && reference.wanted != digests[0] {
        return Err(Status::data_loss("the manifest is not what its digest says"));
    }
    let mut manifest: Document = read(&top)?;
    if !manifest.manifests.is_empty() {
        let ours = manifest.manifests.iter().find(|entry| {
            entry.platform["os"] == "linux" && entry.platform["architecture"] == architecture()
        });
        let ours = ours.ok_or_else(|| Status::not_found("no manifest for this platform"))?;
        let path = format!("{repository}/manifests/{}", ours.digest);
        let bytes = verified(registry.get(&path).await?, ours)?;
        digests.push(ours.digest.clone());
        manifest = read(&bytes)?;
    }
    let config = manifest.config.ok_or_else(|| Status::unknown("a manifest without config"))?;
    let mut size = config.size;
    for layer in &manifest.layers {
        size += layer.size;
        if !there.contains(&layer.digest) {
            verified(registry.get(&format!("{repository}/blobs/{}", layer.digest)).await?, layer)?;
        }
    }
    let bytes = registry.get(&format!("{repository}/blobs/{}", config.digest)).await?;
    let mut document: Value = read(&verified(bytes, &config)?)?;
    let run = document["config"].take();
    Ok(Fetched {
        id: config.digest,
        digests,
        layers: manifest.layers.into_iter().map(|layer| layer.digest).collect(),
        size,
        config: serde_json::from_value(run).map_err(|error| Status::unknown(error.to_string()))?,
    })
}

fn verified(bytes: Bytes, as_told: &Descriptor) -> Result<Bytes, Status> {
    if bytes.len() as u64 == as_told.size && digest(&bytes) == as_told.digest {
        Ok(bytes)
    } else {
        Err(Status::data_loss(format!("{} is not what its digest says", as_told.digest)))
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    serde_json::from_slice(bytes).map_err(|error| Status::unknown(format!("no document: {error}")))
}

/// As OCI names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
