//! Queueing disciplines and their classes.

use std::io;

use nix::libc;

use super::{
    super::netlink::{Message, Netlink, attributes, text, u32_of, u64_of},
    Names,
};
use crate::stage::wire::{Class, Qdisc};

/// Also those that the kernel gives every link by itself.
const DUMP_INVISIBLE: u16 = 10;
const TBF_PARMS: u16 = 1;
const TBF_RATE64: u16 = 4;
const HTB_PARMS: u16 = 1;
const HTB_RATE64: u16 = 5;
const HTB_CEIL64: u16 = 6;
/// The kernel's clock of queues counts 64 nanoseconds a tick.
const NANOS_PER_TICK: u64 = 64;

pub fn qdiscs(netlink: &mut Netlink, names: &Names) -> io::Result<Vec<Qdisc>> {
    let ask = Message::new(&[0; 20]).bytes(DUMP_INVISIBLE, &[]);
    let parts = netlink.dump(libc::RTM_GETQDISC, &ask)?;
    let known = parts.iter().filter(|(kind, body)| *kind == libc::RTM_NEWQDISC && body.len() >= 20);
    Ok(known
        .map(|(_, body)| {
            let mut qdisc = Qdisc {
                dev: names.get(&u32_of(&body[4..8])).cloned().unwrap_or_default(),
                handle: handle(u32_of(&body[8..12])),
                parent: parent(u32_of(&body[12..16])),
                ..Qdisc::default()
            };
            let mut options: &[u8] = &[];
            for (kind, value) in attributes(&body[20..]) {
                match kind {
                    libc::TCA_KIND => qdisc.kind = text(value),
                    libc::TCA_OPTIONS => options = value,
                    _ => {}
                }
            }
            if qdisc.kind == "tbf" {
                read_tbf(&mut qdisc, options);
            }
            qdisc
        })
        .collect())
}

fn read_tbf(qdisc: &mut Qdisc, options: &[u8]) {
    let (mut rate, mut rate64, mut buffer) = (0, 0, 0);
    for (kind, value) in attributes(options) {
        match kind {
            // struct tc_tbf_qopt: two rates of 12 bytes, limit, buffer, mtu
            TBF_PARMS if value.len() >= 36 => {
                rate = u64::from(u32_of(&value[8..12]));
                qdisc.limit_bytes = Some(u64::from(u32_of(&value[24..28])));
                buffer = u64::from(u32_of(&value[28..32]));
            }
            TBF_RATE64 => rate64 = u64_of(value),
            _ => {}
        }
    }
    let rate = rate.max(rate64);
    qdisc.rate_bytes_per_second = Some(rate);
    let burst = u128::from(buffer * NANOS_PER_TICK) * u128::from(rate) / 1_000_000_000;
    qdisc.burst_bytes = u64::try_from(burst).ok();
}

/// Classes can only be asked for by link, and only a few kinds of queues have any.
pub fn classes(netlink: &mut Netlink, names: &Names, qdiscs: &[Qdisc]) -> io::Result<Vec<Class>> {
    let mut classes = Vec::new();
    let classful = names
        .iter()
        .filter(|(_, name)| qdiscs.iter().any(|qdisc| qdisc.kind == "htb" && qdisc.dev == **name));
    for (index, _) in classful {
        let mut fixed = [0; 20];
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        for (kind, body) in netlink.dump(libc::RTM_GETTCLASS, &Message::new(&fixed))? {
            if kind == libc::RTM_NEWTCLASS && body.len() >= 20 {
                classes.push(read_class(&body, names));
            }
        }
    }
    Ok(classes)
}

fn read_class(body: &[u8], names: &Names) -> Class {
    let mut class = Class {
        dev: names.get(&u32_of(&body[4..8])).cloned().unwrap_or_default(),
        handle: handle(u32_of(&body[8..12])),
        parent: parent(u32_of(&body[12..16])),
        ..Class::default()
    };
    let (mut rate, mut ceil) = (0, 0);
    for (kind, value) in attributes(&body[20..]) {
        match kind {
            libc::TCA_KIND => class.kind = text(value),
            libc::TCA_OPTIONS => {
                for (kind, value) in attributes(value) {
                    match kind {
                        // struct tc_htb_opt: two rates of 12 bytes, buffers, quantum, …
                        HTB_PARMS if value.len() >= 24 => {
                            rate = rate.max(u64::from(u32_of(&value[8..12])));
                            ceil = ceil.max(u64::from(u32_of(&value[20..24])));
                        }
                        HTB_RATE64 => rate = u64_of(value),
                        HTB_CEIL64 => ceil = u64_of(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    class.rate_bytes_per_second = Some(rate);
    class.ceil_bytes_per_second = Some(ceil);
    class
}

fn handle(number: u32) -> String {
    match (number >> 16, number & 0xffff) {
        (major, 0) => format!("{major:x}:"),
        (major, minor) => format!("{major:x}:{minor:x}"),
    }
}

fn parent(number: u32) -> String {
    match number {
        0 => String::new(),
        0xffff_ffff => "root".to_owned(),
        0xffff_fff1 => "ingress".to_owned(),
        other => handle(other),
    }
}
