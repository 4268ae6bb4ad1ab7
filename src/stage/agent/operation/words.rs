//! What is to be done, in words.

use crate::stage::wire::LinkOp;

/// What is to be done, behind "cannot".
pub fn told(op: &LinkOp) -> String {
    match op {
        LinkOp::AddVeth { name, peer, .. } => format!("add the links {name} and {peer}"),
        LinkOp::AddBridge { name } => format!("add the bridge {name}"),
        LinkOp::AddKind(new) => format!("add the link {} of kind {}", new.name, new.kind),
        LinkOp::Delete { dev } => format!("delete {dev}"),
        LinkOp::Up { dev } => format!("switch {dev} on"),
        LinkOp::Down { dev } => format!("switch {dev} off"),
        LinkOp::SetMac { dev, mac } => format!("give {dev} the hardware address {mac}"),
        LinkOp::SetMtu { dev, mtu } => format!("give {dev} the MTU {mtu}"),
        LinkOp::SetMaster { dev, master: Some(master) } => format!("put {dev} under {master}"),
        LinkOp::SetMaster { dev, master: None } => format!("take {dev} from its master"),
        LinkOp::SetAlias { dev, alias } => format!("give {dev} the alias {alias}"),
        LinkOp::Rename { dev, name } => format!("rename {dev} to {name}"),
        LinkOp::Move { dev, .. } => format!("move {dev} to another namespace"),
        LinkOp::AddAddress { dev, address } => format!("add {address} to {dev}"),
        LinkOp::RemoveAddress { dev, address } => format!("remove {address} from {dev}"),
        LinkOp::FlushAddresses { dev } => format!("remove all addresses from {dev}"),
        LinkOp::AddRoute { dst, .. } => format!("add a route to {dst}"),
        LinkOp::RemoveRoute { dst, .. } => format!("remove the route to {dst}"),
        LinkOp::AddRule { source, .. } => format!("add a routing rule for {source}"),
        LinkOp::FlushRules => "delete all routing rules".to_owned(),
        LinkOp::DeleteQdiscs { dev } => format!("delete the queues of {dev}"),
    }
}
