//! The pod network of a double that was given the folders of one: it executes the plugins of the first
//! configuration list, as a runtime does, and is not ready without one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use std::io::Write as _;
use tonic::Status;

use super::state::{Network, State};

/// The list that is in force: its name and its plugins.
struct List {
    name: String,
    version: String,
    plugins: Vec<Value>,
}

/// The name of the network; none where there is no configuration. A double without folders has a
/// network that needs none.
pub fn name(state: &State) -> Option<String> {
    match &state.network {
        None => Some("double".to_owned()),
        Some(network) => list(network).map(|list| list.name),
    }
}

fn list(network: &Network) -> Option<List> {
    let mut files: Vec<PathBuf> = fs::read_dir(&network.conf)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conflist"))
        .collect();
    files.sort();
    let text = fs::read_to_string(files.first()?).ok()?;
    let list: Value = serde_json::from_str(&text).ok()?;
    Some(List {
        name: list["name"].as_str()?.to_owned(),
        version: list["cniVersion"].as_str()?.to_owned(),
        plugins: list["plugins"].as_array()?.clone(),
    })
}

/// Makes the network of a sandbox.
///
/// # Errors
/// If there is no configuration, or a plugin refuses.
pub fn add(state: &State, id: &str) -> Result<(), Status> {
    let Some(network) = &state.network else { return Ok(()) };
    let list = list(network).ok_or_else(|| Status::unavailable("there is no network"))?;
    let namespace = namespace(network, id);
    fs::write(&namespace, "").map_err(|error| Status::internal(error.to_string()))?;
    for plugin in &list.plugins {
        call(network, &list, plugin, "ADD", id, &namespace).map_err(|error| {
            let _ = fs::remove_file(&namespace);
            Status::internal(error.to_string())
        })?;
    }
    Ok(())
}

/// Gives it back; what is gone already is no error.
pub fn del(state: &State, id: &str) {
    let Some(network) = &state.network else { return };
    let namespace = namespace(network, id);
    if !namespace.exists() {
        return;
    }
    if let Some(list) = list(network).filter(|_| !state.switched("no-network-del")) {
        for plugin in list.plugins.iter().rev() {
            let _ = call(network, &list, plugin, "DEL", id, &namespace);
        }
    }
    if !state.switched("network-namespace-stays") {
        let _ = fs::remove_file(&namespace);
    }
}

/// A file stands for the network namespace: the double has none.
fn namespace(network: &Network, id: &str) -> PathBuf {
    Path::new(&network.conf).join(format!("{id}.netns"))
}

fn call(
    network: &Network,
    list: &List,
    plugin: &Value,
    command: &str,
    id: &str,
    namespace: &Path,
) -> io::Result<()> {
    let kind = plugin["type"].as_str().unwrap_or_default();
    let mut configuration = plugin.clone();
    configuration["name"] = json!(list.name);
    configuration["cniVersion"] = json!(list.version);
    let mut child = Command::new(Path::new(&network.bin).join(kind))
        .env("CNI_COMMAND", command)
        .env("CNI_CONTAINERID", id)
        .env("CNI_NETNS", namespace)
        .env("CNI_IFNAME", "eth0")
        .env("CNI_PATH", &network.bin)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(configuration.to_string().as_bytes())?;
    }
    match child.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{kind} refuses {command}"))),
    }
}
