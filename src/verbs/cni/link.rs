//! `link.change`: what somebody else does to links, addresses and routes.

use nix::libc;
use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, done, optional, stage_of};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::LinkOp,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verdict::SkipKind,
};

const fn part(name: &'static str, title: &'static str) -> Param {
    Param { name, required: false, title }
}

/// Changes a link, an address, a route or routing rules.
pub const CHANGE: Verb = Verb {
    signature: Signature {
        name: "link.change",
        title: "changes links, addresses, routes or routing rules of a namespace; skips the check where \
                the kernel has no links of the kind that AddKind names",
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
    let added = match &op {
        LinkOp::AddKind(new) => Some(new.kind.clone()),
        _ => None,
    };
    match (host.link(namespace.as_deref(), op).await, added) {
        (Err(Halt::Error(why)), Some(kind)) if is_unknown(&kind, &why) => {
            let why = format!("the kernel has no links of the kind {kind} ({why})");
            Err(Halt::Skip(SkipKind::NotChecked, why))
        }
        (Err(halt), _) => Err(halt),
        (Ok(()), _) => Ok(done()),
    }
}

/// Whether that is what is said where the kernel does not have a kind of links. A tap is asked for at a
/// device file, which then is not there, or nothing behind it.
fn is_unknown(kind: &str, why: &str) -> bool {
    let codes: &[i32] = match kind {
        "tap" | "tun" => &[libc::ENOENT, libc::ENODEV, libc::ENXIO],
        _ => &[libc::EOPNOTSUPP],
    };
    codes.iter().any(|&code| why.ends_with(&std::io::Error::from_raw_os_error(code).to_string()))
}

#[cfg(test)]
mod tests {
    use super::{is_unknown, libc};

    #[test]
    fn a_kind_that_the_kernel_lacks_is_told_from_other_failures() {
        let said = |code: i32| {
            let error = std::io::Error::from_raw_os_error(code);
            format!("cannot add the link a of kind b in the host: {error}")
        };
        for (kind, code, unknown) in [
            ("macvlan", libc::EOPNOTSUPP, true),
            ("macvlan", libc::ENODEV, false),
            ("macvlan", libc::EEXIST, false),
            ("tap", libc::ENOENT, true),
            ("tap", libc::EBUSY, false),
        ] {
            assert_eq!(is_unknown(kind, &said(code)), unknown, "{kind} {code}");
        }
    }
}
