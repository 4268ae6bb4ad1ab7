//! What is different between two states, in sentences.

use std::collections::BTreeMap;

use super::state::{Network, State, Things};
use crate::stage::wire::{Changes, Link};

/// What is different between `before` and `now`.
pub fn changes(before: &State, now: &State) -> Changes {
    let mut changes = Changes::default();
    let place = Place { link: " of the host", at: " on the host", from: " from the host" };
    network(&before.host, &now.host, &place, true, &mut changes.host);
    things(&before.host.filter, &now.host.filter, &Place::NOWHERE, &mut changes.rules);
    for (name, now) in &now.containers {
        // Another namespace of that name was not there at the mark.
        let Some(before) = before.containers.get(name).filter(|old| old.inode == now.inode) else {
            continue;
        };
        let (within, from) =
            (format!(" in the namespace {name}"), format!(" from the namespace {name}"));
        let place = Place { link: &within, at: &within, from: &from };
        network(before, now, &place, false, &mut changes.containers);
        things(&before.filter, &now.filter, &place, &mut changes.rules);
    }
    for path in now.files.difference(&before.files) {
        changes.files.push(format!("file {} is new", path.display()));
    }
    for path in before.files.difference(&now.files) {
        changes.files.push(format!("file {} is gone", path.display()));
    }
    keyed(&before.mounts, &now.mounts, |place, kind, how| {
        changes.files.push(format!("mount of {kind} at {place} is {how}"));
    });
    keyed(&before.processes, &now.processes, |(pid, _), process, how| {
        let name = &process.name;
        // Daemons come and go as they are told; only one that ends by itself is worth a word.
        match (how, now.daemons.contains(&process.group)) {
            ("new", false) => {
                changes.processes.push(format!("process {pid} ({name}) is new and still runs"));
            }
            ("gone", true) if process.group == *pid => {
                changes.processes.push(format!("process {pid} ({name}), a daemon, has ended"));
            }
            _ => {}
        }
    });
    changes
}

/// How sentences name where something is.
struct Place<'a> {
    /// Behind a link.
    link: &'a str,
    /// Behind what is new.
    at: &'a str,
    /// Behind what is gone.
    from: &'a str,
}

impl Place<'static> {
    /// For what there is only one place for.
    const NOWHERE: Self = Self { link: "", at: "", from: "" };
}

fn network(before: &Network, now: &Network, place: &Place<'_>, host: bool, to: &mut Vec<String>) {
    keyed(&before.links, &now.links, |name, _, how| {
        to.push(format!("link {name}{} is {how}", place.link));
    });
    for (name, now) in &now.links {
        if let Some(before) = before.links.get(name) {
            link(before, now, place, host, to);
        }
    }
    things(&before.things, &now.things, place, to);
}

/// What is different about a link that was there before. A host's bridge takes its hardware address and
/// MTU from whatever is plugged into it, so there these say nothing.
fn link(before: &Link, now: &Link, place: &Place<'_>, host: bool, to: &mut Vec<String>) {
    let named = format!("link {}{}", now.name, place.link);
    if before.index != now.index || before.kind != now.kind {
        to.push(format!("{named} is another one than before"));
        return;
    }
    let onoff = |up| if up { "up" } else { "down" }.to_owned();
    let none = || "none".to_owned();
    let adapts = host && now.kind == "bridge";
    let facts = [
        ("state", onoff(before.up), onoff(now.up), true),
        (
            "master",
            before.master.clone().unwrap_or_else(none),
            now.master.clone().unwrap_or_else(none),
            true,
        ),
        ("alias", before.alias.clone(), now.alias.clone(), true),
        ("MTU", before.mtu.to_string(), now.mtu.to_string(), !adapts),
        ("hardware address", before.mac.clone(), now.mac.clone(), !host),
        ("promiscuous mode", before.promiscuous.to_string(), now.promiscuous.to_string(), !host),
        (
            "all-multicast mode",
            before.all_multicast.to_string(),
            now.all_multicast.to_string(),
            !host,
        ),
        ("queue length", before.tx_queue_length.to_string(), now.tx_queue_length.to_string(), true),
    ];
    for (what, before, now, counts) in facts {
        if counts && before != now {
            to.push(format!("{named}: its {what} was `{before}` and is `{now}`"));
        }
    }
}

fn things(before: &Things, now: &Things, place: &Place<'_>, to: &mut Vec<String>) {
    let more = |of: &Things, than: &Things, how: &str, preposition: &str, at: &str| {
        let mut told = Vec::new();
        for (thing, count) in &of.0 {
            let times = count.saturating_sub(than.0.get(thing).copied().unwrap_or_default());
            let (on, at) = match &thing.on {
                Some(link) => (format!(" {preposition} {link}"), place.link),
                None => (String::new(), at),
            };
            let sentence = format!("{} is {how}{on}{at}", thing.noun);
            told.extend(std::iter::repeat_n(sentence, times));
        }
        told
    };
    to.extend(more(now, before, "new", "on", place.at));
    to.extend(more(before, now, "gone", "from", place.from));
}

/// Tells of each key that only one of the two has.
fn keyed<K: Ord, V>(
    before: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
    mut tell: impl FnMut(&K, &V, &str),
) {
    for (key, value) in now.iter().filter(|(key, _)| !before.contains_key(key)) {
        tell(key, value, "new");
    }
    for (key, value) in before.iter().filter(|(key, _)| !now.contains_key(key)) {
        tell(key, value, "gone");
    }
}
