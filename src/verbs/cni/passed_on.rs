//! `result.passed_on`: what a chained plugin made of the result that it was given.

use std::{fmt::Display, net::IpAddr};

use serde::Serialize;
use serde_json::Value as Json;

use super::{Done, Params, Verb, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::{Link, View},
    suite::{
        expr::{types::Type, value},
        signature::{Param, Signature},
    },
};

/// Lays `prevResult` beside the result.
pub const PASSED_ON: Verb = Verb {
    signature: Signature {
        name: "result.passed_on",
        title: "lays the prevResult that ADD was given beside its result (both of 0.3.0 or younger), \
                in sentences; values that mean the same are the same however they are written, and a \
                changed hardware address or MTU that the link really has is the plugin's own doing",
        params: &[
            Param { name: "previous", required: true, title: "request.prevResult of the ADD" },
            Param { name: "result", required: true, title: "what it printed" },
        ],
        reply: || {
            let list = || Type::List(Box::new(Type::Text));
            Type::members([
                ("lost_interfaces", list()),
                ("changed_interfaces", list()),
                ("added_interfaces", list()),
                ("lost_ips", list()),
                ("changed_ips", list()),
                ("moved_ips", list()),
                ("added_ips", list()),
                ("lost_routes", list()),
                ("added_routes", list()),
                ("lost_dns", list()),
                ("reordered", list()),
                ("lost_fields", list()),
                ("lost_route_fields", list()),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { passed_on(lane, &params).await }) },
};

/// A sentence for each difference.
#[derive(Default, Serialize)]
struct Differences {
    /// Interfaces are known by their name and whether they are in a container.
    lost_interfaces: Vec<String>,
    /// Another sandbox, or a hardware address that the link does not have.
    changed_interfaces: Vec<String>,
    added_interfaces: Vec<String>,
    /// Addresses are known without their prefix.
    lost_ips: Vec<String>,
    /// Another prefix or gateway.
    changed_ips: Vec<String>,
    /// They belong to another interface, or to none.
    moved_ips: Vec<String>,
    added_ips: Vec<String>,
    /// Routes are known by destination and gateway.
    lost_routes: Vec<String>,
    added_routes: Vec<String>,
    lost_dns: Vec<String>,
    /// Interfaces that are there in another order.
    reordered: Vec<String>,
    /// What 1.1.0 has added to interfaces.
    lost_fields: Vec<String>,
    /// What 1.1.0 has added to routes.
    lost_route_fields: Vec<String>,
}

async fn passed_on(lane: &mut Lane, params: &Params) -> Result<crate::suite::expr::Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let json = |name: &str| params.get(name).map(value::to_json).unwrap_or_default();
    let (previous, result) = (json("previous"), json("result"));
    let outside = host.stage.look(None).await.map_err(Halt::Error)?;
    let mut inside = Vec::new();
    for interface in items(&previous, "interfaces") {
        let sandbox = text(interface, "sandbox");
        if !sandbox.is_empty() && inside.iter().all(|(known, _)| known != sandbox) {
            let namespace = sandbox.rsplit('/').next();
            // The namespace may be gone; then no link in it has changed.
            if let Ok(view) = host.stage.look(namespace).await {
                inside.push((sandbox.to_owned(), view));
            }
        }
    }
    told(&differences(&previous, &result, &Places { outside, inside }))
}

/// Where links really are.
#[derive(Default)]
struct Places {
    outside: View,
    /// By sandbox.
    inside: Vec<(String, View)>,
}

impl Places {
    fn link(&self, interface: &Json) -> Option<&Link> {
        let (name, sandbox) = (text(interface, "name"), text(interface, "sandbox"));
        if sandbox.is_empty() {
            return self.outside.link(name);
        }
        let (_, view) = self.inside.iter().find(|(known, _)| known == sandbox)?;
        view.link(name)
    }
}

fn differences(previous: &Json, result: &Json, places: &Places) -> Differences {
    let mut found = Differences::default();
    interfaces(previous, result, places, &mut found);
    ips(previous, result, &mut found);
    routes(previous, result, &mut found);
    dns(previous, result, &mut found);
    found
}

fn items<'a>(result: &'a Json, key: &str) -> &'a [Json] {
    result.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// 0 says no more than nothing does.
fn number(json: &Json, key: &str) -> i64 {
    json.get(key).and_then(Json::as_i64).unwrap_or(0)
}

/// The same interface: its name, and on which side it is.
fn same_interface(one: &Json, other: &Json) -> bool {
    text(one, "name") == text(other, "name")
        && text(one, "sandbox").is_empty() == text(other, "sandbox").is_empty()
}

/// For a sentence.
fn side(interface: &Json) -> String {
    let name = text(interface, "name");
    match text(interface, "sandbox") {
        "" => format!("{name} of the host"),
        _ => format!("{name} of the container"),
    }
}

fn interfaces(previous: &Json, result: &Json, places: &Places, found: &mut Differences) {
    let (old, new) = (items(previous, "interfaces"), items(result, "interfaces"));
    let mut seen = Vec::new();
    for one in old {
        let Some(at) = new.iter().position(|other| same_interface(one, other)) else {
            found.lost_interfaces.push(format!("the interface {} is missing", side(one)));
            continue;
        };
        let (other, link) = (&new[at], places.link(one));
        let mut changed = |what: &str, was: &dyn Display, is: &dyn Display| {
            let sentence = format!("{what} of {} was `{was}` and is `{is}`", side(one));
            found.changed_interfaces.push(sentence);
        };
        if text(one, "sandbox") != text(other, "sandbox") {
            changed("the sandbox", &text(one, "sandbox"), &text(other, "sandbox"));
        }
        let (was, is) = (text(one, "mac"), text(other, "mac"));
        let real = link.is_some_and(|link| link.mac.eq_ignore_ascii_case(is));
        if !was.eq_ignore_ascii_case(is) && !real {
            changed("the hardware address", &was, &is);
        }
        let mut lost = |key: &str, was: &dyn Display, is: &dyn Display| {
            found.lost_fields.push(format!("`{key}` of {} was `{was}` and is `{is}`", side(one)));
        };
        let (was, is) = (number(one, "mtu"), number(other, "mtu"));
        let real = link.is_some_and(|link| i64::from(link.mtu) == is);
        if was != is && !real {
            lost("mtu", &was, &is);
        }
        for key in ["socketPath", "pciID"] {
            let (was, is) = (text(one, key), text(other, key));
            if was != is {
                lost(key, &was, &is);
            }
        }
        if seen.iter().any(|earlier| *earlier > at) {
            found.reordered.push(format!("the interface {} stands further ahead", side(one)));
        }
        seen.push(at);
    }
    for one in new.iter().filter(|one| !old.iter().any(|known| same_interface(known, one))) {
        found.added_interfaces.push(format!("the interface {} is new", side(one)));
    }
}

/// An address and its prefix.
fn cidr(text: &str) -> Option<(IpAddr, &str)> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    Some((address.parse().ok()?, prefix))
}

fn same_ip(one: &str, other: &str) -> bool {
    one == other || one.parse::<IpAddr>().is_ok_and(|one| other.parse() == Ok(one))
}

/// The interface that an address belongs to.
fn owner<'a>(result: &'a Json, ip: &Json) -> Option<&'a Json> {
    let at = ip.get("interface").and_then(Json::as_i64)?;
    items(result, "interfaces").get(usize::try_from(at).ok()?)
}

fn ips(previous: &Json, result: &Json, found: &mut Differences) {
    let (old, new) = (items(previous, "ips"), items(result, "ips"));
    let same = |one: &Json, other: &Json| {
        let address = |ip: &Json| cidr(text(ip, "address")).map(|(address, _)| address);
        address(one).is_some() && address(one) == address(other)
    };
    let mut taken = vec![false; new.len()];
    for one in old {
        let address = text(one, "address");
        let (is_same, same_owner) = (
            |at: &usize| !taken[*at] && same(one, &new[*at]),
            |at: &usize| match (owner(previous, one), owner(result, &new[*at])) {
                (Some(was), Some(is)) => same_interface(was, is),
                (was, is) => was.is_none() && is.is_none(),
            },
        );
        // One address may be on two interfaces.
        let at = (0..new.len()).find(|at| is_same(at) && same_owner(at));
        let Some(at) = at.or_else(|| (0..new.len()).find(is_same)) else {
            found.lost_ips.push(format!("the address {address} is missing"));
            continue;
        };
        let moved = !same_owner(&at);
        taken[at] = true;
        let other = &new[at];
        if cidr(address) != cidr(text(other, "address")) {
            let is = text(other, "address");
            found.changed_ips.push(format!("the address {address} has become {is}"));
        }
        let (was, is) = (text(one, "gateway"), text(other, "gateway"));
        if !same_ip(was, is) {
            let sentence = format!("the gateway of {address} was `{was}` and is `{is}`");
            found.changed_ips.push(sentence);
        }
        if let (Some(was), true) = (owner(previous, one), moved) {
            let is = owner(result, other).map_or_else(|| "no interface".to_owned(), side);
            let was = side(was);
            found.moved_ips.push(format!("the address {address} was on {was} and is on {is}"));
        }
    }
    for (one, _) in new.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        found.added_ips.push(format!("the address {} is new", text(one, "address")));
    }
}

fn routes(previous: &Json, result: &Json, found: &mut Differences) {
    const NUMBERS: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];
    let (old, new) = (items(previous, "routes"), items(result, "routes"));
    let same = |one: &Json, other: &Json| {
        let dst =
            |route: &Json| cidr(text(route, "dst")).map(|(to, prefix)| (to, prefix.to_owned()));
        dst(one).is_some() && dst(one) == dst(other) && same_ip(text(one, "gw"), text(other, "gw"))
    };
    let lost = |one: &Json, other: &Json| -> Vec<&str> {
        NUMBERS.into_iter().filter(|key| number(one, key) != number(other, key)).collect()
    };
    let mut taken = vec![false; new.len()];
    for one in old {
        let (dst, gateway) = (text(one, "dst"), text(one, "gw"));
        let through =
            if gateway.is_empty() { String::new() } else { format!(" through {gateway}") };
        let fits = (0..new.len()).filter(|at| !taken[*at] && same(one, &new[*at]));
        // The same route may be there twice, with other numbers.
        let Some(at) = fits.min_by_key(|at| lost(one, &new[*at]).len()) else {
            found.lost_routes.push(format!("the route to {dst}{through} is missing"));
            continue;
        };
        taken[at] = true;
        for key in lost(one, &new[at]) {
            let (was, is) = (number(one, key), number(&new[at], key));
            let sentence = format!("`{key}` of the route to {dst} was {was} and is {is}");
            found.lost_route_fields.push(sentence);
        }
    }
    for (one, _) in new.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        found.added_routes.push(format!("the route to {} is new", text(one, "dst")));
    }
}

fn dns(previous: &Json, result: &Json, found: &mut Differences) {
    let none = Json::Null;
    let of = |json| -> &Json { Json::get(json, "dns").unwrap_or(&none) };
    let (old, new) = (of(previous), of(result));
    for key in ["nameservers", "search", "options"] {
        for one in items(old, key).iter().filter_map(Json::as_str) {
            let mut kept = items(new, key).iter().filter_map(Json::as_str);
            if !kept.any(|other| same_ip(one, other)) {
                found.lost_dns.push(format!("{one} is missing in `dns.{key}`"));
            }
        }
    }
    let (was, is) = (text(old, "domain"), text(new, "domain"));
    if was != is && !was.is_empty() {
        found.lost_dns.push(format!("`dns.domain` was `{was}` and is `{is}`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn previous() -> Json {
        json!({
            "interfaces": [
                { "name": "veth1", "mac": "02:00:00:00:00:0a", "mtu": 1500, "pciID": "p" },
                { "name": "eth0", "mac": "02:00:00:00:00:0b", "sandbox": "/n/c", "mtu": 1500 },
            ],
            "ips": [{ "address": "fd00::2/64", "gateway": "fd00::1", "interface": 1 }],
            "routes": [{ "dst": "::/0", "gw": "fd00::1", "priority": 7, "scope": 0 }],
            "dns": { "nameservers": ["192.0.2.53"], "domain": "a.example" },
        })
    }

    fn found(change: impl FnOnce(&mut Json)) -> Json {
        let mut result = previous();
        change(&mut result);
        serde_json::to_value(differences(&previous(), &result, &Places::default())).unwrap()
    }

    fn only(found: &Json, key: &str) -> usize {
        for (other, sentences) in found.as_object().unwrap() {
            assert!(other == key || sentences == &json!([]), "{other}: {sentences}");
        }
        found[key].as_array().map_or(0, Vec::len)
    }

    #[test]
    fn what_is_written_otherwise_is_the_same() {
        let found = found(|result| {
            result["interfaces"][0]["mac"] = json!("02:00:00:00:00:0A");
            result["interfaces"][0]["sandbox"] = json!("");
            result["ips"][0]["gateway"] = json!("fd00:0::1");
            result["routes"][0]["scope"] = Json::Null;
            result["routes"][0]["dst"] = json!("0::/0");
            result["dns"]["search"] = json!([]);
        });
        assert_eq!(only(&found, ""), 0);
    }

    #[test]
    fn interfaces_are_compared_by_name_and_addresses_by_where_they_belong() {
        let turned = found(|result| {
            let interfaces = result["interfaces"].as_array_mut().unwrap();
            interfaces.reverse();
            result["ips"][0]["interface"] = json!(0);
        });
        assert_eq!(only(&turned, "reordered"), 1);
        let moved = found(|result| result["ips"][0]["interface"] = json!(0));
        assert_eq!(only(&moved, "moved_ips"), 1);
        let another = found(|result| result["interfaces"][1]["mac"] = json!("02:00:00:00:00:0c"));
        assert_eq!(only(&another, "changed_interfaces"), 1);
    }

    #[test]
    fn what_is_missing_is_told() {
        let lost = found(|result| {
            result["interfaces"][0].as_object_mut().unwrap().remove("pciID");
        });
        assert_eq!(only(&lost, "lost_fields"), 1);
        let lost = found(|result| result["routes"][0]["priority"] = json!(8));
        assert_eq!(only(&lost, "lost_route_fields"), 1);
        assert_eq!(only(&found(|result| result["dns"] = json!({})), "lost_dns"), 2);
        assert_eq!(only(&found(|result| result["ips"] = json!([])), "lost_ips"), 1);
        assert_eq!(only(&found(|result| result["routes"] = json!([])), "lost_routes"), 1);
        let none = found(|result| *result = json!({}));
        assert_eq!(none["lost_interfaces"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_change_that_the_link_shows_is_the_plugins_own() {
        let link = Link {
            name: "eth0".to_owned(),
            mac: "02:00:00:00:00:0c".to_owned(),
            mtu: 1300,
            ..Link::default()
        };
        let view = View { links: vec![link], ..View::default() };
        let places = Places { inside: vec![("/n/c".to_owned(), view)], ..Places::default() };
        let mut result = previous();
        result["interfaces"][1]["mac"] = json!("02:00:00:00:00:0c");
        result["interfaces"][1]["mtu"] = json!(1300);
        let found = serde_json::to_value(differences(&previous(), &result, &places)).unwrap();
        assert_eq!(only(&found, ""), 0);
    }
}
