//! `result.compare`: an ADD's result beside what the kernel tells.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value as Json;

use super::{Done, Params, Verb, optional, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::{Link, Route, View},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// Lays a result beside the state.
pub const COMPARE: Verb = Verb {
    signature: Signature {
        name: "result.compare",
        title: "lays an ADD's result (of 0.3.0 or younger) beside what is there, in sentences",
        params: &[
            Param { name: "result", required: true, title: "what ADD printed" },
            Param { name: "netns", required: true, title: "CNI_NETNS, as it was given" },
            Param { name: "ifname", required: true, title: "CNI_IFNAME" },
            Param {
                name: "previous",
                required: false,
                title: "the prevResult that was given: what it names is not this plugin's",
            },
            Param {
                name: "before",
                required: false,
                title: "what `state.look` saw of the host before, so that new links are known",
            },
        ],
        reply: || {
            let list = || Type::List(Box::new(Type::Text));
            Type::members([
                ("missing_links", list()),
                ("wrong_macs", list()),
                ("wrong_host_macs", list()),
                ("wrong_sandboxes", list()),
                ("empty_sandboxes", list()),
                ("wrong_mtus", list()),
                ("untold_links", list()),
                ("missing_addresses", list()),
                ("untold_addresses", list()),
                ("missing_routes", list()),
                ("foreign_routes", list()),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { compare(lane, &params).await }) },
};

/// What does not fit, a sentence each.
#[derive(Default, Serialize)]
struct Differences {
    /// Told, and not there.
    missing_links: Vec<String>,
    wrong_macs: Vec<String>,
    /// A bridge's address moves with its ports.
    wrong_host_macs: Vec<String>,
    /// `sandbox` is not the value of `CNI_NETNS`, or not empty for a link of the host.
    wrong_sandboxes: Vec<String>,
    /// A container's link without `sandbox`.
    empty_sandboxes: Vec<String>,
    wrong_mtus: Vec<String>,
    /// Made, and not told.
    untold_links: Vec<String>,
    missing_addresses: Vec<String>,
    untold_addresses: Vec<String>,
    missing_routes: Vec<String>,
    /// Routes that lead out of another interface than `CNI_IFNAME`.
    foreign_routes: Vec<String>,
}

async fn compare(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let json = |name: &str| params.get(name).map(value::to_json).unwrap_or_default();
    let (netns, ifname) = (params.text("netns")?.to_owned(), params.text("ifname")?.to_owned());
    let namespace = netns.rsplit('/').next().unwrap_or_default().to_owned();
    let inside = host.stage.look(Some(&namespace)).await.map_err(Halt::Error)?;
    let outside = host.stage.look(None).await.map_err(Halt::Error)?;
    let before: Option<View> = match optional_view(params)? {
        Some(json) => serde_json::from_value(json).ok(),
        None => None,
    };
    let result = json("result");
    let places = Places { netns: &netns, ifname: &ifname, inside: &inside, outside: &outside };
    let mut found = Differences::default();
    places.links(&result, &mut found);
    places.untold_links(&result, before.as_ref(), &mut found);
    places.addresses(&result, &json("previous"), &mut found);
    places.routes(&result, &mut found);
    told(&found)
}

fn optional_view(params: &Params) -> Result<Option<Json>, Halt> {
    match params.get("before") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Map(_)) => Ok(params.get("before").map(value::to_json)),
        Some(_) => optional(params, "before").map(|_| None),
    }
}

struct Places<'a> {
    netns: &'a str,
    ifname: &'a str,
    inside: &'a View,
    outside: &'a View,
}

fn items<'a>(result: &'a Json, key: &str) -> &'a [Json] {
    result.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// Links that the kernel makes by itself where a module is loaded.
const FALLBACK: [&str; 10] = [
    "lo", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0",
    "ip6gre0",
];

impl Places<'_> {
    /// Where a link is that a result names: in the container if it says so, or if it is only there.
    fn find(&self, interface: &Json) -> (Option<&Link>, bool) {
        let (name, sandbox) = (text(interface, "name"), text(interface, "sandbox"));
        if sandbox.is_empty() {
            match self.outside.link(name) {
                Some(link) => (Some(link), false),
                None => (self.inside.link(name), true),
            }
        } else {
            (self.inside.link(name), true)
        }
    }

    fn links(&self, result: &Json, found: &mut Differences) {
        for interface in items(result, "interfaces") {
            let (name, sandbox) = (text(interface, "name"), text(interface, "sandbox"));
            let (link, in_container) = self.find(interface);
            let Some(link) = link else {
                let place = if in_container { "the container" } else { "the host" };
                found.missing_links.push(format!("there is no link {name} in {place}"));
                continue;
            };
            if in_container && sandbox.is_empty() {
                found
                    .empty_sandboxes
                    .push(format!("{name} is in the container and has no sandbox"));
            } else if in_container && sandbox != self.netns {
                found.wrong_sandboxes.push(format!(
                    "the sandbox of {name} is {sandbox}, CNI_NETNS was {}",
                    self.netns
                ));
            }
            let mac = text(interface, "mac");
            if !mac.is_empty() && !mac.eq_ignore_ascii_case(&link.mac) {
                let sentence =
                    format!("the result says {mac} for {name}, the link has {}", link.mac);
                if in_container {
                    found.wrong_macs.push(sentence);
                } else {
                    found.wrong_host_macs.push(sentence);
                }
            }
            let mtu = interface.get("mtu").and_then(Json::as_u64).filter(|mtu| *mtu > 0);
            if let Some(mtu) = mtu.filter(|mtu| *mtu != u64::from(link.mtu)) {
                let real = link.mtu;
                found
                    .wrong_mtus
                    .push(format!("the result says mtu {mtu} for {name}, the link has {real}"));
            }
        }
    }

    fn untold_links(&self, result: &Json, before: Option<&View>, found: &mut Differences) {
        let told = |link: &Link, inside: bool| {
            items(result, "interfaces").iter().any(|interface| {
                text(interface, "name") == link.name
                    && !(inside && text(interface, "sandbox").is_empty())
            })
        };
        let own = |link: &&Link| !FALLBACK.contains(&link.name.as_str());
        if let Some(before) = before {
            let new = |link: &&Link| before.links.iter().all(|known| known.index != link.index);
            for link in self.outside.links.iter().filter(own).filter(new) {
                if !told(link, false) {
                    let name = &link.name;
                    found
                        .untold_links
                        .push(format!("{name} is new on the host and not in the result"));
                }
            }
        }
        for link in self.inside.links.iter().filter(own).filter(|link| link.name == self.ifname) {
            if !told(link, true) {
                let name = &link.name;
                found
                    .untold_links
                    .push(format!("{name} is in the container and not in the result"));
            }
        }
    }

    /// Of `CNI_IFNAME`: entries that point at it, or at nothing where there is no other.
    fn addresses(&self, result: &Json, previous: &Json, found: &mut Differences) {
        let interfaces = items(result, "interfaces");
        let of_ifname = |ip: &&Json| {
            let index =
                ip.get("interface").and_then(Json::as_i64).and_then(|at| usize::try_from(at).ok());
            index.and_then(|at| interfaces.get(at)).is_some_and(|interface| {
                text(interface, "name") == self.ifname && !text(interface, "sandbox").is_empty()
            })
        };
        let Some(link) = self.inside.link(self.ifname) else { return };
        let real = |address: &str| {
            link.addresses.iter().any(|known| same_network_address(&known.address, address))
        };
        for ip in items(result, "ips").iter().filter(of_ifname) {
            let address = text(ip, "address");
            if !real(address) {
                found
                    .missing_addresses
                    .push(format!("{address} of the result is not on {}", self.ifname));
            }
        }
        let listed = |address: &str| {
            let known = items(result, "ips").iter().chain(items(previous, "ips"));
            known.into_iter().any(|ip| same_network_address(text(ip, "address"), address))
        };
        for address in
            link.addresses.iter().filter(|known| known.scope == "global" && !known.dynamic)
        {
            if !listed(&address.address) {
                let (address, ifname) = (&address.address, self.ifname);
                found
                    .untold_addresses
                    .push(format!("{address} is on {ifname} and not in the result"));
            }
        }
    }

    fn routes(&self, result: &Json, found: &mut Differences) {
        let gateways: Vec<&str> =
            items(result, "ips").iter().map(|ip| text(ip, "gateway")).collect();
        for route in items(result, "routes") {
            let (dst, gateway) = (text(route, "dst"), text(route, "gw"));
            let fits = |known: &&Route| {
                let through = known.gateway.as_deref().unwrap_or_default();
                let same = |one: &str, other: &str| {
                    one.parse::<IpAddr>().ok() == other.parse::<IpAddr>().ok()
                };
                // Without a gateway of its own that of an address may stand, or the link itself; where
                // no gateway is told at all, any.
                let untold = gateways.iter().all(|known| known.is_empty());
                let gateway_fits = same(through, gateway)
                    || (gateway.is_empty()
                        && (through.is_empty()
                            || untold
                            || gateways.iter().any(|known| same(known, through))));
                same_destination(&known.dst, dst) && gateway_fits
            };
            match self.inside.routes.iter().find(fits) {
                None => {
                    let through = if gateway.is_empty() {
                        String::new()
                    } else {
                        format!(" through {gateway}")
                    };
                    found
                        .missing_routes
                        .push(format!("the route to {dst}{through} is not in the container"));
                }
                Some(known) if known.dev.as_deref().is_some_and(|dev| dev != self.ifname) => {
                    let dev = known.dev.as_deref().unwrap_or_default();
                    found.foreign_routes.push(format!("the route to {dst} leads out of {dev}"));
                }
                Some(_) => {}
            }
        }
    }
}

/// The same address with the same prefix, however it is written.
fn same_network_address(one: &str, other: &str) -> bool {
    parts(one).is_some() && parts(one) == parts(other)
}

/// The same destination; the kernel leaves out the bits behind the prefix.
fn same_destination(one: &str, other: &str) -> bool {
    let masked = |text: &str| {
        let (address, prefix) = parts(text)?;
        let prefix: u32 = prefix.parse().ok()?;
        Some(match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
                (4, u128::from(u32::from(address) & mask), prefix)
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0);
                (6, u128::from(address) & mask, prefix)
            }
        })
    };
    masked(one).is_some() && masked(one) == masked(other)
}

fn parts(text: &str) -> Option<(IpAddr, &str)> {
    let (address, prefix) = text.split_once('/')?;
    Some((address.parse().ok()?, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::wire::Address;
    use serde_json::json;

    fn link(name: &str, mac: &str, addresses: &[&str]) -> Link {
        let addresses = addresses.iter().map(|address| Address {
            address: (*address).to_owned(),
            scope: "global".to_owned(),
            ..Address::default()
        });
        Link {
            name: name.to_owned(),
            mac: mac.to_owned(),
            mtu: 1500,
            index: 7,
            addresses: addresses.collect(),
            ..Link::default()
        }
    }

    fn differences(result: &Json) -> Differences {
        let inside = View {
            links: vec![link("eth0", "02:00:00:00:00:01", &["10.1.0.2/16"])],
            routes: vec![Route {
                dst: "0.0.0.0/0".to_owned(),
                gateway: Some("10.1.0.1".to_owned()),
                dev: Some("eth0".to_owned()),
                ..Route::default()
            }],
            ..View::default()
        };
        let outside =
            View { links: vec![link("veth1", "02:00:00:00:00:02", &[])], ..View::default() };
        let places = Places { netns: "/n/c", ifname: "eth0", inside: &inside, outside: &outside };
        let mut found = Differences::default();
        places.links(result, &mut found);
        places.untold_links(result, Some(&View::default()), &mut found);
        places.addresses(result, &Json::Null, &mut found);
        places.routes(result, &mut found);
        found
    }

    fn sound() -> Json {
        json!({
            "interfaces": [
                { "name": "veth1", "mac": "02:00:00:00:00:02" },
                { "name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/n/c", "mtu": 1500 },
            ],
            "ips": [{ "address": "10.1.0.2/16", "gateway": "10.1.0.1", "interface": 1 }],
            "routes": [{ "dst": "0.0.0.0/0" }],
        })
    }

    #[test]
    fn a_result_that_is_true_has_no_differences() {
        let found = serde_json::to_value(differences(&sound())).unwrap();
        for (key, sentences) in found.as_object().unwrap() {
            assert_eq!(sentences, &json!([]), "{key}");
        }
    }

    #[test]
    fn each_untruth_is_told_in_its_place() {
        let bent = |pointer: &str, value: Json| {
            let mut result = sound();
            *result.pointer_mut(pointer).unwrap() = value;
            differences(&result)
        };
        assert_eq!(bent("/interfaces/0/name", json!("veth9")).missing_links.len(), 1);
        assert_eq!(bent("/interfaces/0/name", json!("veth9")).untold_links.len(), 1);
        assert_eq!(bent("/interfaces/1/mac", json!("02:00:00:00:00:09")).wrong_macs.len(), 1);
        assert_eq!(bent("/interfaces/0/mac", json!("02:00:00:00:00:09")).wrong_host_macs.len(), 1);
        assert_eq!(bent("/interfaces/1/sandbox", json!("/n/other")).wrong_sandboxes.len(), 1);
        assert_eq!(bent("/interfaces/1/sandbox", json!("")).empty_sandboxes.len(), 1);
        assert_eq!(bent("/interfaces/1/mtu", json!(9000)).wrong_mtus.len(), 1);
        let address = bent("/ips/0/address", json!("10.1.0.3/16"));
        assert_eq!((address.missing_addresses.len(), address.untold_addresses.len()), (1, 1));
        assert_eq!(bent("/routes/0/dst", json!("10.9.0.0/16")).missing_routes.len(), 1);
    }

    #[test]
    fn destinations_are_compared_as_the_kernel_keeps_them() {
        assert!(same_destination("10.1.2.3/16", "10.1.0.0/16"));
        assert!(same_destination("::/0", "0::0/0"));
        assert!(!same_destination("10.1.0.0/16", "10.1.0.0/24"));
        assert!(!same_destination("0.0.0.0/0", "::/0"));
    }
}
