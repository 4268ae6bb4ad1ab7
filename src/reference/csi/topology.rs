//! Two zones, and one that is full.

use std::collections::HashMap;

use super::{
    defect::Defect,
    driver::Driver,
    feature::Feature,
    refusal::{Answer, exhausted, invalid},
};
use crate::proto::csi::v1::{Topology, TopologyRequirement};

/// The only key of a segment.
pub const KEY: &str = "stdcheck.dev/zone";
/// Where there is room.
const ZONES: [&str; 2] = ["a", "b"];
/// Where there is none.
const FULL: &str = "full";

/// All zones that volumes can be in.
pub fn everywhere() -> Vec<String> {
    ZONES.map(str::to_owned).to_vec()
}

/// The zone of the node with this number.
pub fn zone_of_node(number: usize) -> &'static str {
    ZONES[number % ZONES.len()]
}

/// A zone as segments.
pub fn segments(zone: &str) -> Topology {
    Topology { segments: HashMap::from([(KEY.to_owned(), zone.to_owned())]) }
}

/// The zone that segments name, if there is one and it has room. Keys are case-insensitive.
pub fn zone(topology: &Topology) -> Option<&'static str> {
    let mut segments = topology.segments.iter();
    let (key, value) = segments.next()?;
    if segments.next().is_some() || !key.eq_ignore_ascii_case(KEY) || value == FULL {
        return None;
    }
    ZONES.into_iter().find(|zone| zone == value)
}

/// Refuses a requirement that makes no sense, or that cannot be one here.
pub fn check(driver: &Driver, requirement: &TopologyRequirement) -> Answer<()> {
    if !driver.features.has(Feature::Topology) {
        return Err(invalid("accessibility_requirements are not supported"));
    }
    let TopologyRequirement { requisite, preferred } = requirement;
    if requisite.is_empty() && preferred.is_empty() {
        return Err(invalid("accessibility_requirements has neither requisite nor preferred"));
    }
    for topology in requisite.iter().chain(preferred) {
        well_formed(topology)?;
    }
    if !requisite.is_empty() && preferred.iter().any(|one| !requisite.contains(one)) {
        return Err(invalid("a preferred topology is not among the requisite ones"));
    }
    Ok(())
}

/// Refuses segments that are none.
pub fn well_formed(topology: &Topology) -> Answer<()> {
    let good = |text: &str, extra: &[char]| {
        (1..=63).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(&c))
    };
    let good_key = |key: &str| match key.split_once('/') {
        Some((prefix, name)) => good(prefix, &['-', '.']) && good(name, &['-', '_', '.']),
        None => good(key, &['-', '_', '.']),
    };
    if topology.segments.is_empty() {
        return Err(invalid("a topology has no segments"));
    }
    for (key, value) in &topology.segments {
        if !good_key(key) || !good(value, &['-', '_', '.']) {
            return Err(invalid("a topology has a malformed segment"));
        }
    }
    Ok(())
}

/// Where a new volume goes: everywhere without a wish, else into the first zone that is preferred,
/// else into the first that will do.
pub fn choose(driver: &Driver, requirement: Option<&TopologyRequirement>) -> Answer<Vec<String>> {
    let Some(TopologyRequirement { requisite, preferred }) = requirement else {
        return Ok(everywhere());
    };
    let mut wishes: Vec<&Topology> = preferred.iter().collect();
    if driver.has(Defect::PreferredLast) {
        wishes.reverse();
    }
    wishes.extend(requisite);
    let zones: Vec<&str> = wishes.into_iter().filter_map(zone).collect();
    match zones.first() {
        Some(first) if driver.has(Defect::TopologyIgnored) => {
            let other = ZONES.into_iter().find(|zone| zone != first).unwrap_or(first);
            Ok(vec![other.to_owned()])
        }
        Some(first) => Ok(vec![(*first).to_owned()]),
        None if driver.has(Defect::TopologyImpossible) => Ok(everywhere()),
        None => Err(exhausted("there is no room for the volume in the places asked for")),
    }
}

/// Whether a volume in these zones is where the requirement wants it.
pub fn satisfied(zones: &[String], requirement: &TopologyRequirement) -> bool {
    let wishes = if requirement.requisite.is_empty() {
        &requirement.preferred
    } else {
        &requirement.requisite
    };
    wishes.iter().filter_map(zone).any(|zone| zones.iter().any(|one| one == zone))
}
