//! `net.*`: the network as the target's process sees it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use super::{Done, Params, Verb};
use crate::{
    drive::netns::inside,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verdict::SkipKind,
};

const PATIENCE: Duration = Duration::from_secs(2);

/// Sends a text to an echo server and takes the answer.
pub const CONNECT: Verb = Verb {
    signature: Signature {
        name: "net.connect",
        title: "sends a text to an echo server, from the target's network namespace",
        params: &[
            Param { name: "protocol", required: true, title: "tcp or udp" },
            Param { name: "address", required: true, title: "an IP address" },
            Param { name: "port", required: true, title: "1 to 65535" },
            Param { name: "text", required: true, title: "what is sent" },
        ],
        reply: || Type::members([("connected", Type::Bool), ("text", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(connect(lane, params)) },
};

/// Whether anything listens on a TCP or UDP port.
pub const LISTENING: Verb = Verb {
    signature: Signature {
        name: "net.listening",
        title: "whether a port is taken in the target's network namespace",
        params: &[Param { name: "port", required: true, title: "1 to 65535" }],
        reply: || Type::members([("listening", Type::Bool)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(listening(lane, params)) },
};

/// The addresses of the node.
pub const ADDRESSES: Verb = Verb {
    signature: Signature {
        name: "net.addresses",
        title: "the IPv4 addresses of the target's network namespace, without loopback",
        params: &[],
        reply: || Type::members([("addresses", Type::List(Box::new(Type::Text)))]),
        looks: true,
    },
    run: |lane, _| -> Done<'_> { Box::pin(addresses(lane)) },
};

/// A port that nobody has.
pub const FREE_PORT: Verb = Verb {
    signature: Signature {
        name: "net.free_port",
        title: "a port that is free in the target's network namespace",
        params: &[],
        reply: || Type::members([("port", Type::Int)]),
        looks: true,
    },
    run: |lane, _| -> Done<'_> { Box::pin(free_port(lane)) },
};

fn port(params: &Params) -> Result<u16, Halt> {
    let port = params.number("port")?;
    u16::try_from(port).map_err(|_| Halt::Error(format!("{port} is no port")))
}

/// Runs `work` where the target's process has its network.
async fn there<T: Send + 'static>(
    lane: &Lane,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Halt> {
    let pid = lane.run.drive.peer().map(|peer| peer.pid);
    let _pending = lane.run.clock.start();
    inside(pid, work).await.map_err(Halt::Error)
}

async fn connect(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let address = params.text("address")?;
    let address =
        address.parse().map_err(|_| Halt::Error(format!("`{address}` is no IP address")))?;
    let server = SocketAddr::new(address, port(&params)?);
    let text = params.text("text")?.to_owned();
    let echoed = match params.text("protocol")? {
        "tcp" => there(lane, move || tcp(server, &text)).await?,
        "udp" => there(lane, move || udp(server, &text)).await?,
        other => return Err(Halt::Error(format!("`{other}` is neither tcp nor udp"))),
    };
    Ok(value::map([
        ("connected", Value::Bool(echoed.is_ok())),
        ("text", Value::from(echoed.unwrap_or_else(|error| error.to_string()))),
    ]))
}

fn tcp(server: SocketAddr, text: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn udp(server: SocketAddr, text: &str) -> std::io::Result<String> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    let length = socket.recv(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

async fn listening(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let port = port(&params)?;
    let taken = there(lane, move || {
        let tables = ["tcp", "tcp6", "udp", "udp6"].map(|table| {
            std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default()
        });
        tables.iter().any(|table| has_listener(table, port))
    })
    .await?;
    Ok(value::map([("listening", Value::Bool(taken))]))
}

/// Whether a table of `/proc/net` has a socket that waits on that port: TCP state 0A, UDP state 07.
fn has_listener(table: &str, port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut words = line.split_ascii_whitespace();
        let local = words.nth(1).unwrap_or_default();
        let state = words.nth(1).unwrap_or_default();
        local.ends_with(&suffix) && matches!(state, "0A" | "07")
    })
}

async fn addresses(lane: &mut Lane) -> Result<Value, Halt> {
    let found = there(lane, || {
        let interfaces = nix::ifaddrs::getifaddrs()?;
        Ok::<_, nix::Error>(
            interfaces
                .filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip()))
                .filter(|address| !address.is_loopback())
                .map(|address| address.to_string())
                .collect::<Vec<String>>(),
        )
    });
    let addresses =
        found.await?.map_err(|error| Halt::Error(format!("cannot list addresses: {error}")))?;
    if addresses.is_empty() {
        let why = "the target's network namespace has no address beside loopback".to_owned();
        return Err(Halt::Skip(SkipKind::NotChecked, why));
    }
    Ok(value::map([("addresses", Value::from(addresses))]))
}

async fn free_port(lane: &mut Lane) -> Result<Value, Halt> {
    let port =
        there(lane, || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()))
            .await?
            .map_err(|error| Halt::Error(format!("no free port: {error}")))?
            .port();
    Ok(value::map([("port", Value::Int(port.into()))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_port_and_state() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:1F91 0100007F:0001 01 0\n";
        assert!(has_listener(table, 8080));
        assert!(!has_listener(table, 8081));
    }
}
