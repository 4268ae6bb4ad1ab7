//! The part of a pull that the double does: an image's configuration, from a registry in plain http.

use std::io;

use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

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
}

/// Fetches the configuration of `host:port/repository:tag`.
pub async fn config(reference: &str) -> io::Result<Config> {
    let parts = reference.split_once('/').and_then(|(host, path)| {
        let (repository, tag) = path.rsplit_once(':')?;
        Some((host, repository, tag))
    });
    let (host, repository, tag) = parts.ok_or_else(|| io::Error::other("no such reference"))?;
    let manifest: Value = get(host, &format!("/v2/{repository}/manifests/{tag}")).await?;
    let digest =
        manifest["config"]["digest"].as_str().ok_or_else(|| io::Error::other("no config"))?;
    let mut image: Value = get(host, &format!("/v2/{repository}/blobs/{digest}")).await?;
    Ok(serde_json::from_value(image["config"].take())?)
}

/// One JSON document by HTTP/1.0, which ends with the connection.
async fn get(host: &str, path: &str) -> io::Result<Value> {
    let mut stream = TcpStream::connect(host).await?;
    let accept = "application/vnd.oci.image.manifest.v1+json, */*";
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(serde_json::from_str(body)?),
        _ => Err(io::Error::other(format!("{path}: {answer}"))),
    }
}
