//! `state.*`: what is there on the stage, and what has changed.

use std::time::Duration;

use super::{Done, Params, Verb, done, number_or, optional, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type},
        signature::{Param, Signature},
    },
};

const NAMESPACE: Param =
    Param { name: "namespace", required: false, title: "the container's; the host's otherwise" };

/// Looks at a namespace.
pub const LOOK: Verb = Verb {
    signature: Signature {
        name: "state.look",
        title: "links with their addresses, routes, routing rules, neighbours and queues of a namespace",
        params: &[NAMESPACE],
        reply: || {
            let list = || Type::List(Box::new(Type::Dyn));
            Type::members([
                ("links", list()),
                ("routes", list()),
                ("rules", list()),
                ("neighbours", list()),
                ("qdiscs", list()),
                ("classes", list()),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { look(lane, &params).await }) },
};

/// Remembers the state.
pub const MARK: Verb = Verb {
    signature: Signature {
        name: "state.mark",
        title: "remembers the whole state of the stage under a name",
        params: &[Param { name: "label", required: true, title: "the name" }],
        reply: || Type::members([]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { mark(lane, &params).await }) },
};

/// Tells what is different.
pub const SINCE: Verb = Verb {
    signature: Signature {
        name: "state.since",
        title: "what is different since a mark, in sentences; waits a little for what the kernel \
                takes away late",
        params: &[
            Param { name: "label", required: true, title: "the mark's name" },
            Param {
                name: "settle_ms",
                required: false,
                title: "for how long it looks again while something is different; 2000 otherwise",
            },
        ],
        reply: || {
            let list = || Type::List(Box::new(Type::Text));
            Type::members([
                ("all", list()),
                ("host", list()),
                ("containers", list()),
                ("rules", list()),
                ("files", list()),
                ("processes", list()),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { since(lane, &params).await }) },
};

async fn look(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let namespace = optional(params, "namespace")?;
    told(&host.stage.look(namespace.as_deref()).await.map_err(Halt::Error)?)
}

async fn mark(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    host.stage.mark(params.text("label")?).await.map_err(Halt::Error)?;
    Ok(done())
}

/// The kernel takes a namespace and its links down late: within 200 ms as a rule.
const SETTLES_WITHIN_MS: u64 = 2_000;

async fn since(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let settle = Duration::from_millis(number_or(params, "settle_ms", SETTLES_WITHIN_MS)?);
    let _pending = lane.run.clock.start();
    let changes = host.stage.settled(params.text("label")?, settle).await.map_err(Halt::Error)?;
    let all: Vec<&str> = changes.all().collect();
    let mut json = serde_json::to_value(&changes).unwrap_or_default();
    json["all"] = all.into();
    told(&json)
}
