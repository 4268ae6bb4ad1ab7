//! `traffic.*`: whether packets come through.

use std::net::{IpAddr, SocketAddr};

use super::{Done, Params, Verb, done, number_or, optional, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::{Connect, Ping, Protocol},
    suite::{
        expr::{Value, types::Type},
        signature::{Param, Signature},
    },
};

/// How long an answer may take between namespaces of one machine, with room for a busy one.
const PATIENCE_MS: u64 = 3_000;

// What everything says that goes from one namespace to another.
pub(super) const LISTEN: Param = Param {
    name: "listen",
    required: false,
    title: "the listener's namespace; the host's otherwise",
};
pub(super) const LISTEN_ADDRESS: Param =
    Param { name: "listen_address", required: true, title: "address:port" };
pub(super) const FROM: Param =
    Param { name: "from", required: false, title: "the other's namespace; the host's otherwise" };
pub(super) const DIAL_ADDRESS: Param = Param {
    name: "dial_address",
    required: false,
    title: "address:port; the listener's otherwise",
};

/// Connects.
pub const CONNECT: Verb = Verb {
    signature: Signature {
        name: "traffic.connect",
        title: "listens in one namespace and connects from another",
        params: &[
            LISTEN,
            LISTEN_ADDRESS,
            FROM,
            DIAL_ADDRESS,
            Param { name: "protocol", required: false, title: "tcp or udp; tcp otherwise" },
            Param { name: "timeout_ms", required: false, title: "3000 otherwise" },
        ],
        reply: || {
            Type::members([
                ("through", Type::Bool),
                ("heard", Type::Bool),
                ("seen_peer", Type::Text),
                ("why", Type::Text),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { connect(lane, &params).await }) },
};

/// Pings.
pub const PING: Verb = Verb {
    signature: Signature {
        name: "traffic.ping",
        title: "sends an ICMP echo from a namespace until an answer comes",
        params: &[
            Param { name: "from", required: false, title: "the namespace; the host's otherwise" },
            Param { name: "to", required: true, title: "an address, with or without a prefix" },
            Param { name: "timeout_ms", required: false, title: "3000 otherwise" },
        ],
        reply: || Type::members([("through", Type::Bool), ("why", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { ping(lane, &params).await }) },
};

/// Makes the world.
pub const WORLD: Verb = Verb {
    signature: Signature {
        name: "traffic.world",
        title: "makes a third namespace, `world` with the address 198.51.100.2, joined to the host \
                (198.51.100.1) from outside; the host forwards",
        params: &[],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> {
        Box::pin(async move {
            let (_, host) = stage_of(lane).await?;
            host.stage.world().await.map_err(Halt::Error)?;
            Ok(done())
        })
    },
};

/// Between which ends something goes.
pub(super) struct Ends {
    pub listen: Option<String>,
    pub listen_address: SocketAddr,
    pub from: Option<String>,
    pub dial_address: SocketAddr,
}

impl Ends {
    pub(super) fn of(params: &Params) -> Result<Ends, Halt> {
        let missing = || Halt::Error("the parameter `listen_address` is missing".to_owned());
        let listen_address = socket(params, LISTEN_ADDRESS.name)?.ok_or_else(missing)?;
        Ok(Ends {
            listen: optional(params, LISTEN.name)?,
            listen_address,
            from: optional(params, FROM.name)?,
            dial_address: socket(params, DIAL_ADDRESS.name)?.unwrap_or(listen_address),
        })
    }
}

fn socket(params: &Params, name: &str) -> Result<Option<SocketAddr>, Halt> {
    let Some(text) = optional(params, name)? else { return Ok(None) };
    let wrong = |error| Halt::Error(format!("`{name}`: `{text}` is no address:port: {error}"));
    text.parse().map(Some).map_err(wrong)
}

async fn connect(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let Ends { listen, listen_address, from, dial_address } = Ends::of(params)?;
    let protocol = match optional(params, "protocol")?.as_deref() {
        None | Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some(other) => return Err(Halt::Error(format!("there is no protocol `{other}` here"))),
    };
    let _pending = lane.run.clock.start();
    let connected = host
        .stage
        .connect(Connect {
            protocol,
            listen,
            listen_address,
            from,
            from_address: None,
            dial_address,
            timeout_ms: number_or(params, "timeout_ms", PATIENCE_MS)?,
        })
        .await
        .map_err(Halt::Error)?;
    told(&serde_json::json!({
        "through": connected.through,
        "heard": connected.heard,
        "seen_peer": connected.seen_peer.unwrap_or_default(),
        "why": connected.why.unwrap_or_default(),
    }))
}

async fn ping(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let text = params.text("to")?;
    let address = text.split('/').next().unwrap_or_default();
    let to: IpAddr =
        address.parse().map_err(|error| Halt::Error(format!("`to`: `{text}`: {error}")))?;
    let _pending = lane.run.clock.start();
    let from = optional(params, "from")?;
    let timeout_ms = number_or(params, "timeout_ms", PATIENCE_MS)?;
    let pinged = host.stage.ping(Ping { from, to, timeout_ms }).await.map_err(Halt::Error)?;
    told(&serde_json::json!({
        "through": pinged.through,
        "why": pinged.why.unwrap_or_default(),
    }))
}
