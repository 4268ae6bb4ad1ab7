//! Packet filter rules, as far as telling them apart needs it: tables and chains by name, and of rules
//! what makes them equal to others, without numbers that only count.

use std::{collections::BTreeMap, io};

use nix::libc;

use super::{
    netlink::{Message, Netlink, attributes, text, u32_be_of},
    state::{Thing, Things},
};

const NFTABLES: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const DELETE_TABLE: u16 = NFTABLES | 2;
const GET_CHAIN: u16 = NFTABLES | 4;
const GET_RULE: u16 = NFTABLES | 7;
const GET_SET: u16 = NFTABLES | 10;
const GET_ELEMENT: u16 = NFTABLES | 13;
const FIXED: usize = 4;

/// Sets by family, table and name, with what makes their elements.
type Sets = BTreeMap<(u8, String, String), Vec<Vec<u8>>>;

/// Deletes all tables of all families.
pub fn flush(netlink: &mut Netlink) -> io::Result<()> {
    // Which part of the kernel the batch is for stands in the network's order at its beginning and end.
    let edge = Message::new(&[0, 0, 0, 10]);
    let every = Message::new(&[0; FIXED]);
    let batch =
        [(BATCH_BEGIN, 0, &edge), (DELETE_TABLE, libc::NLM_F_ACK, &every), (BATCH_END, 0, &edge)];
    netlink.batch(&batch).or_else(nothing_there)
}

/// All chains but those that are only hooks, all rules, sets and their elements.
pub fn things(netlink: &mut Netlink) -> io::Result<Things> {
    let mut things = Things::default();
    let chains = dump(netlink, GET_CHAIN)?;
    if chains.is_empty() && dump(netlink, GET_SET)?.is_empty() {
        return Ok(things);
    }
    let sets = sets(netlink)?;
    for body in chains {
        let (table, name) = (found(&body, 1), found(&body, 3));
        let place = format!("chain {} in table {} {}", text(name), family(body[0]), text(table));
        // A hook is made by whoever only looks; what it does when no rule decides is not.
        let hooked = !found(&body, 4).is_empty();
        let drops = hooked && found(&body, 5).len() == 4 && u32_be_of(found(&body, 5)) == 0;
        match (hooked, drops) {
            (false, _) => things.add(Thing::of(place)),
            (true, true) => things.add(Thing::of(format!("policy drop of {place}"))),
            (true, false) => {}
        }
    }
    for body in dump(netlink, GET_RULE)? {
        things.add(rule(&body, &sets));
    }
    for ((family_of, table, name), elements) in &sets {
        if is_anonymous(name) {
            continue;
        }
        let place = format!("set {name} in table {} {table}", family(*family_of));
        for element in elements {
            let noun = format!("element {} of {place}", shown(element));
            things.add(Thing::of(noun).known_by(element));
        }
        things.add(Thing::of(place));
    }
    Ok(things)
}

fn rule(body: &[u8], sets: &Sets) -> Thing {
    let (table, chain) = (text(found(body, 1)), text(found(body, 2)));
    let mut known_by = Vec::new();
    let mut comment = user_comment(found(body, 7));
    for (_, expression) in attributes(found(body, 4)) {
        let part = |wanted| {
            attributes(expression).find(|(kind, _)| *kind == wanted).map_or(&[][..], |(_, v)| v)
        };
        let (name, data) = (text(part(1)), part(2));
        match name.as_str() {
            "counter" => continue,
            "lookup" => {
                let set = text(attribute(data, 1));
                let key = (body[0], table.clone(), set);
                // The number in such a name only counts; what is in the set is what the rule says.
                if is_anonymous(&key.2) {
                    known_by.extend(sets.get(&key).into_iter().flatten().flatten());
                } else {
                    known_by.extend(key.2.bytes());
                }
            }
            "match" if text(attribute(data, 1)) == "comment" => {
                comment = Some(text(attribute(data, 3)));
                known_by.extend(comment.as_deref().unwrap_or_default().bytes());
            }
            _ => known_by.extend(data),
        }
        known_by.extend(name.bytes());
    }
    let called = comment.map(|comment| format!(" `{comment}`")).unwrap_or_default();
    let noun = format!("rule{called} in table {} {table}, chain {chain}", family(body[0]));
    Thing::of(noun).known_by(&known_by)
}

/// The comment that nft keeps with a rule: parts of type and length, of which the first type is that.
fn user_comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let value = rest.get(..usize::from(*length))?;
        if *kind == 0 {
            return Some(text(value));
        }
        data = &rest[value.len()..];
    }
    None
}

fn sets(netlink: &mut Netlink) -> io::Result<Sets> {
    let mut sets = Sets::new();
    for body in dump(netlink, GET_SET)? {
        let (table, name) = (text(found(&body, 1)), text(found(&body, 2)));
        let ask = Message::new(&[body[0], 0, 0, 0]).text(1, &table).text(2, &name);
        let mut elements = Vec::new();
        for (_, part) in netlink.dump(GET_ELEMENT, &ask).or_else(|error| {
            // It is gone by now.
            if error.raw_os_error() == Some(libc::ENOENT) { Ok(Vec::new()) } else { Err(error) }
        })? {
            if part.len() < FIXED {
                continue;
            }
            for (_, element) in attributes(found(&part, 3)) {
                // Key, data, flags and the key's end; not how long it stays or how often it was hit.
                let parts = attributes(element).filter(|(kind, _)| matches!(kind, 1 | 2 | 3 | 10));
                elements.push(parts.flat_map(|(_, value)| value.to_vec()).collect());
            }
        }
        sets.insert((body[0], table, name), elements);
    }
    Ok(sets)
}

fn dump(netlink: &mut Netlink, kind: u16) -> io::Result<Vec<Vec<u8>>> {
    let parts = netlink.dump(kind, &Message::new(&[0; FIXED]));
    let parts = parts.or_else(|error| nothing_there(error).map(|()| Vec::new()))?;
    Ok(parts.into_iter().map(|(_, body)| body).filter(|body| body.len() >= FIXED).collect())
}

/// A kernel without these rules has none.
fn nothing_there(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::EOPNOTSUPP | libc::EPROTONOSUPPORT) => Ok(()),
        _ => Err(error),
    }
}

fn found(body: &[u8], wanted: u16) -> &[u8] {
    attribute(&body[FIXED..], wanted)
}

fn attribute(bytes: &[u8], wanted: u16) -> &[u8] {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map_or(&[], |(_, value)| value)
}

fn is_anonymous(set: &str) -> bool {
    set.starts_with("__set") || set.starts_with("__map")
}

/// An element for people: its bytes, of which the heads of attributes are left out.
fn shown(element: &[u8]) -> String {
    element.get(4..).unwrap_or(element).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn family(number: u8) -> String {
    let name = match i32::from(number) {
        1 => "inet",
        libc::AF_INET => "ip",
        libc::AF_INET6 => "ip6",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        other => return other.to_string(),
    };
    name.to_owned()
}
