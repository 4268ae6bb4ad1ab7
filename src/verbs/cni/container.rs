//! `container.*`: containers on the stage, with what an earlier plugin would have made in them.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, done, optional, stage_of, told};
use crate::{
    drive::exec::Plugin,
    profile::Previous,
    run::{
        halt::Halt,
        host::{Container, Host},
        lane::Lane,
    },
    stage::wire::LinkOp,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// Makes a container.
pub const MAKE: Verb = Verb {
    signature: Signature {
        name: "container.make",
        title: "makes a container's network namespace, and in it the interface that a chained plugin \
                is given; the first is the one that steps mean where they name none",
        params: &[
            Param { name: "id", required: false, title: "CNI_CONTAINERID; a new one otherwise" },
            Param { name: "ifname", required: false, title: "CNI_IFNAME; eth0 otherwise" },
            Param {
                name: "bare",
                required: false,
                title: "true: without the interface that a chained plugin is given",
            },
        ],
        reply: || {
            Type::members([
                ("id", Type::Text),
                ("ifname", Type::Text),
                ("namespace", Type::Text),
                ("netns", Type::Text),
                ("env", Type::Map(Box::new(Type::Text))),
                ("previous", Type::Dyn),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { make(lane, &params).await }) },
};

/// Takes a container's namespace away.
pub const END: Verb = Verb {
    signature: Signature {
        name: "container.end",
        title: "takes a container's network namespace away, as a runtime does when the container ends",
        params: &[
            Param {
                name: "namespace",
                required: false,
                title: "its name; the check's own otherwise",
            },
            Param {
                name: "stale",
                required: false,
                title: "true: a plain file stays at its path, as after a reboot",
            },
        ],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { end(lane, &params).await }) },
};

pub(super) async fn make(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let id = match optional(params, "id")? {
        Some(id) => id,
        None => {
            lane.rename();
            lane.run.unique()
        }
    };
    let (plugin, host) = stage_of(lane).await?;
    let own = plugin.profile.ifname.clone().unwrap_or_else(|| "eth0".to_owned());
    let ifname = optional(params, "ifname")?.unwrap_or(own);
    let number = host.count() + 1;
    let namespace = format!("c{number}");
    host.stage.make_namespace(&namespace).await.map_err(Halt::Error)?;
    let mut container = Container { id, namespace, ifname, previous: None };
    if let Some(previous) = plugin.profile.previous.as_ref().filter(|_| !bare(params)) {
        let number = u8::try_from(number)
            .map_err(|_| Halt::Error("a check makes 255 containers at most".to_owned()))?;
        let numbered = previous.numbered(number);
        make_bridge(&plugin, &host, &numbered).await?;
        let result = furnish(&host, &container, &numbered, number).await?;
        container.previous = previous.passed.then_some(result);
    }
    let env = value::map([
        ("CNI_CONTAINERID", Value::from(container.id.as_str())),
        ("CNI_NETNS", Value::from(container.netns())),
        ("CNI_IFNAME", Value::from(container.ifname.as_str())),
    ]);
    let reply = value::map([
        ("id", Value::from(container.id.as_str())),
        ("ifname", Value::from(container.ifname.as_str())),
        ("namespace", Value::from(container.namespace.as_str())),
        ("netns", Value::from(container.netns())),
        ("env", env),
        ("previous", told(&container.previous)?),
    ]);
    host.add(container);
    Ok(reply)
}

fn bare(params: &Params) -> bool {
    matches!(params.get("bare"), Some(Value::Bool(true)))
}

/// The bridge that the base interfaces are attached to, with a DHCP server if the profile wants one:
/// made with the first container.
async fn make_bridge(plugin: &Plugin, host: &Host, previous: &Previous) -> Result<(), Halt> {
    let Some(bridge) = &previous.bridge else { return Ok(()) };
    if host.stage.look(None).await.map_err(Halt::Error)?.link(bridge).is_some() {
        return Ok(());
    }
    host.link(None, LinkOp::AddBridge { name: bridge.clone() }).await?;
    host.link(None, LinkOp::Up { dev: bridge.clone() }).await?;
    match &plugin.profile.dhcp_server {
        Some(server) => host.start_dhcp_server(plugin, bridge, server).await,
        None => Ok(()),
    }
}

/// Makes the interface that an earlier plugin of the list would have made, and its result.
async fn furnish(
    host: &Host,
    container: &Container,
    previous: &Previous,
    number: u8,
) -> Result<Json, Halt> {
    let inside = Some(container.namespace.as_str());
    let (ifname, outer) = (container.ifname.clone(), format!("stdcheck{number}"));
    let peer_namespace = Some(container.namespace.clone());
    let pair = LinkOp::AddVeth { name: outer.clone(), peer: ifname.clone(), peer_namespace };
    host.link(None, pair).await?;
    host.link(None, LinkOp::SetMaster { dev: outer.clone(), master: previous.bridge.clone() })
        .await?;
    host.link(None, LinkOp::Up { dev: outer.clone() }).await?;
    host.link(inside, LinkOp::Up { dev: ifname.clone() }).await?;
    let mut ips = Vec::new();
    for (at, address) in previous.addresses.iter().enumerate() {
        let add = LinkOp::AddAddress { dev: ifname.clone(), address: address.clone() };
        host.link(inside, add).await?;
        let mut ip = json!({ "interface": 1, "address": address });
        if let Some(gateway) = previous.gateways.get(at) {
            let prefix = address.rsplit_once('/').map_or("32", |(_, prefix)| prefix);
            let on = previous.bridge.clone().unwrap_or_else(|| outer.clone());
            let address = format!("{gateway}/{prefix}");
            // The bridge may have it already, from the container before.
            let _ = host.stage.link(None, LinkOp::AddAddress { dev: on, address }).await;
            ip["gateway"] = json!(gateway);
        }
        ips.push(ip);
    }
    let mut routes = Vec::new();
    for dst in &previous.routes {
        let six = dst.contains(':');
        let gateway = previous.gateways.iter().find(|gateway| gateway.contains(':') == six);
        let Some(gateway) = gateway else { continue };
        let parsed: Option<IpAddr> = gateway.parse().ok();
        let dev = Some(ifname.clone());
        let route = LinkOp::AddRoute { dst: dst.clone(), gateway: parsed, dev, table: None };
        host.link(inside, route).await?;
        routes.push(json!({ "dst": dst, "gw": gateway }));
    }
    let inner = host.stage.look(inside).await.map_err(Halt::Error)?;
    let outside = host.stage.look(None).await.map_err(Halt::Error)?;
    let mac = |link: Option<&crate::stage::wire::Link>| {
        link.map(|link| link.mac.clone()).unwrap_or_default()
    };
    let (inner, outside) = (inner.link(&ifname), outside.link(&outer));
    let mtu = |link: Option<&crate::stage::wire::Link>| link.map_or(0, |link| link.mtu);
    Ok(json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            { "name": outer, "mac": mac(outside), "mtu": mtu(outside) },
            { "name": ifname, "mac": mac(inner), "mtu": mtu(inner), "sandbox": container.netns() },
        ],
        "ips": ips,
        "routes": routes,
        "dns": {},
    }))
}

async fn end(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let namespace = match optional(params, "namespace")? {
        Some(namespace) => namespace,
        None => {
            let own = host.own();
            own.ok_or_else(|| Halt::Error("there is no container".to_owned()))?.namespace
        }
    };
    let ended = if params.flag("stale")? {
        host.stage.stale_namespace(&namespace).await
    } else {
        host.stage.remove_namespace(&namespace).await
    };
    ended.map_err(Halt::Error)?;
    Ok(done())
}
