//! `link.change`: what somebody else does to links, addresses and routes.

use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, done, optional, stage_of};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::LinkOp,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

const fn part(name: &'static str, title: &'static str) -> Param {
    Param { name, required: false, title }
}

/// Changes a link, an address, a route or routing rules.
pub const CHANGE: Verb = Verb {
    signature: Signature {
        name: "link.change",
        title: "changes links, addresses, routes or routing rules of a namespace",
        params: &[
            Param {
                name: "op",
                required: true,
                title: "AddVeth (name, peer, peer_namespace), AddBridge (name), AddKind (name, kind, \
                        parent, id), Delete, Up, Down, SetMac (mac), SetMtu (mtu), SetMaster (master), \
                        SetAlias (alias), Rename (name), Move (to), AddAddress and RemoveAddress \
                        (address), FlushAddresses, AddRoute (dst, gateway, dev, table), RemoveRoute \
                        (dst, table), AddRule (source, table, priority), FlushRules, DeleteQdiscs; \
                        those without parts of their own take `dev`",
            },
            part("namespace", "the container's; the host's otherwise"),
            part("dev", "the link"),
            part("name", "a name"),
            part("peer", "the other end"),
            part("peer_namespace", "where the other end is"),
            part("kind", "as the kernel calls it"),
            part("parent", "the link that it is made on"),
            part("id", "of a vlan or vxlan, the table of a vrf"),
            part("mac", "02:…"),
            part("mtu", "bytes"),
            part("master", "a bridge; none otherwise"),
            part("alias", "a text"),
            part("to", "a namespace; the host otherwise"),
            part("address", "with its prefix"),
            part("dst", "with its prefix"),
            part("gateway", "an address"),
            part("table", "a number"),
            part("source", "with its prefix"),
            part("priority", "a number"),
        ],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { change(lane, &params).await }) },
};

async fn change(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let op = params.text("op")?.to_owned();
    let namespace = optional(params, "namespace")?;
    let mut parts = value::to_json(&params.0);
    if let Some(parts) = parts.as_object_mut() {
        parts.remove("op");
        parts.remove("namespace");
    }
    let form = if op == "FlushRules" { Json::from(op.as_str()) } else { json!({ &op: parts }) };
    let op: LinkOp = serde_json::from_value(form)
        .map_err(|error| Halt::Error(format!("link.change {op}: {error}")))?;
    host.link(namespace.as_deref(), op).await?;
    Ok(done())
}
