//! `host.sysctl`: kernel settings of a namespace.

use super::{Done, Params, Verb, optional, stage_of};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// Reads or writes one.
pub const SYSCTL: Verb = Verb {
    signature: Signature {
        name: "sysctl",
        title: "reads a kernel setting of a namespace, after writing it if there is a value",
        params: &[
            Param { name: "name", required: true, title: "net.ipv4.conf.eth0.arp_filter" },
            Param {
                name: "namespace",
                required: false,
                title: "the container's; the host's otherwise",
            },
            Param { name: "value", required: false, title: "what is written" },
        ],
        reply: || Type::members([("value", Type::Text)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { sysctl(lane, &params).await }) },
};

async fn sysctl(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let namespace = optional(params, "namespace")?;
    let given = optional(params, "value")?;
    let name = params.text("name")?;
    let found = host.stage.sysctl(namespace.as_deref(), name, given.as_deref()).await;
    Ok(value::map([("value", Value::from(found.map_err(Halt::Error)?))]))
}
