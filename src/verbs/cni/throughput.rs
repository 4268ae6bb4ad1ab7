//! `traffic.throughput`: how fast bytes come through.

use super::{
    Done, Params, Verb, number_or, stage_of, told,
    traffic::{DIAL_ADDRESS, Ends, FROM, LISTEN, LISTEN_ADDRESS},
};
use crate::{
    run::{halt::Halt, lane::Lane},
    stage::wire::Throughput,
    suite::{
        expr::{Value, types::Type},
        signature::{Param, Signature},
    },
};

/// Measures.
pub const THROUGHPUT: Verb = Verb {
    signature: Signature {
        name: "traffic.throughput",
        title: "sends bytes over one TCP connection and measures how fast they come through; what has \
                not come when the time is over is not waited for",
        params: &[
            LISTEN,
            LISTEN_ADDRESS,
            FROM,
            DIAL_ADDRESS,
            Param {
                name: "reverse",
                required: false,
                title: "true: from the listener to the other; to the listener otherwise",
            },
            Param { name: "bytes", required: true, title: "how many" },
            Param { name: "timeout_ms", required: false, title: "5000 otherwise" },
        ],
        reply: || {
            Type::members([
                ("bits_per_second", Type::Int),
                ("bytes", Type::Int),
                ("elapsed_ms", Type::Int),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { throughput(lane, &params).await }) },
};

async fn throughput(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    const PATIENCE_MS: u64 = 5_000;
    let (_, host) = stage_of(lane).await?;
    let Ends { listen, listen_address, from, dial_address } = Ends::of(params)?;
    let asked = Throughput {
        listen,
        listen_address,
        from,
        dial_address,
        reverse: params.flag("reverse")?,
        bytes: number_or(params, "bytes", 0)?,
        timeout_ms: number_or(params, "timeout_ms", PATIENCE_MS)?,
    };
    let _pending = lane.run.clock.start();
    let measured = host.stage.throughput(asked).await.map_err(Halt::Error)?;
    told(&serde_json::json!({
        "bits_per_second": measured.bits_per_second,
        "bytes": measured.bytes,
        "elapsed_ms": measured.elapsed_us / 1000,
    }))
}
