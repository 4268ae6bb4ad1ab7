//! Port mappings: what a container echoes on its port is echoed on the node's.

use std::sync::Arc;

use stdcheck::proto::cri::v1::{ContainerState, PortMapping, Protocol};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};

use super::state::{Container, State, Store};

/// The protocol and port that a container listens on.
fn listens(container: &Container) -> Option<(Protocol, i32)> {
    let words: Vec<&str> = container.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["/guest", "listen", "tcp", port, ..] => Some((Protocol::Tcp, port.parse().ok()?)),
        ["/guest", "listen", "udp", port, ..] => Some((Protocol::Udp, port.parse().ok()?)),
        _ => None,
    }
}

/// Whether a running container of the same sandbox listens there.
pub fn answers(state: &State, sandbox: &str, word: &str, port: &str) -> bool {
    let wanted = match word {
        "tcp" => Protocol::Tcp,
        _ => Protocol::Udp,
    };
    state.containers.iter().any(|one| {
        one.sandbox == sandbox
            && one.state() == ContainerState::ContainerRunning
            && listens(one).is_some_and(|(kind, of)| kind == wanted && of.to_string() == port)
    })
}

/// Opens the ports of the node that lead to a container, until it ends.
pub fn open(store: &Arc<Store>, container: &Container) {
    let Some((kind, port)) = listens(container) else { return };
    let state = store.state();
    let Some(sandbox) = state.sandboxes.iter().find(|one| one.id == container.sandbox) else {
        return;
    };
    let zero_is_a_port = state.switched("host-port-zero-opens");
    for mapping in &sandbox.config.port_mappings {
        let mut mapping = mapping.clone();
        if mapping.host_port == 0 && zero_is_a_port {
            mapping.host_port = mapping.container_port;
        }
        if mapping.protocol() != kind || mapping.container_port != port || mapping.host_port == 0 {
            continue;
        }
        let (store, id) = (store.clone(), container.id.clone());
        tokio::spawn(async move {
            let ended = store.until(|state| !runs(state, &id));
            tokio::select! {
                () = ended => {}
                _ = echo(&mapping) => {}
            }
        });
    }
}

fn runs(state: &State, id: &str) -> bool {
    let mut containers = state.containers.iter();
    containers.any(|one| one.id == id && one.state() == ContainerState::ContainerRunning)
}

async fn echo(mapping: &PortMapping) -> std::io::Result<()> {
    let host = if mapping.host_ip.is_empty() { "0.0.0.0" } else { &mapping.host_ip };
    let address = format!("{host}:{}", mapping.host_port);
    if mapping.protocol() == Protocol::Udp {
        let socket = UdpSocket::bind(address).await?;
        let mut bytes = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).await?;
            socket.send_to(&bytes[..length], from).await?;
        }
    }
    let listener = TcpListener::bind(address).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut bytes = [0; 1500];
        // One text for each connection is all that is ever asked.
        if let Ok(length) = stream.read(&mut bytes).await {
            let _ = stream.write_all(&bytes[..length]).await;
        }
    }
}
