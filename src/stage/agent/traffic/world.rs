//! What is outside the host.

use super::super::{operation, settings, spaces::Spaces};
use crate::stage::wire::LinkOp;

/// The namespace's name.
const WORLD: &str = "world";
const HOST_END: &str = "world0";
const WORLD_END: &str = "eth0";
/// Addresses that are set aside for documents.
const ENDS: [(&str, &str); 2] =
    [("198.51.100.1/24", "198.51.100.2/24"), ("2001:db8:77::1/64", "2001:db8:77::2/64")];

/// Makes it and joins it to the host, which forwards.
pub fn world(spaces: &mut Spaces) -> Result<(), String> {
    spaces.make(WORLD)?;
    let name = || WORLD.to_owned();
    operation::operate(
        spaces,
        None,
        LinkOp::AddVeth {
            name: HOST_END.to_owned(),
            peer: WORLD_END.to_owned(),
            peer_namespace: Some(name()),
        },
    )?;
    // Where the kernel has no IPv6, the world has none either.
    let six = std::path::Path::new("/proc/sys/net/ipv6").is_dir();
    let ends = &ENDS[..if six { 2 } else { 1 }];
    for (namespace, dev) in [(None, HOST_END), (Some(WORLD), WORLD_END)] {
        for (host, world) in ends {
            let address = if namespace.is_none() { host } else { world };
            let op = LinkOp::AddAddress { dev: dev.to_owned(), address: (*address).to_owned() };
            operation::operate(spaces, namespace, op)?;
        }
        operation::up(spaces, namespace, dev)?;
    }
    operation::up(spaces, Some(WORLD), "lo")?;
    for (host, _) in ends {
        let gateway = host.split('/').next().and_then(|address| address.parse().ok());
        let route = LinkOp::AddRoute { dst: "default".to_owned(), gateway, dev: None, table: None };
        operation::operate(spaces, Some(WORLD), route)?;
    }
    settings::setting("net.ipv4.ip_forward", Some("1"))?;
    if six {
        settings::setting("net.ipv6.conf.all.forwarding", Some("1"))?;
    }
    Ok(())
}
