//! `image.requests`, `image.repair`: what the registry was asked for, and an end of what goes wrong on purpose.

use super::registry;
use crate::{
    drive::registry::Tally,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

const REPOSITORY: Param =
    Param { name: "repository", required: true, title: "as image.publish returned it" };

/// Counts the requests for what `image.publish` served.
pub const REQUESTS: Verb = Verb {
    signature: Signature {
        name: "image.requests",
        title: "what stdcheck's registry was asked for",
        params: &[REPOSITORY],
        reply: || {
            let blob =
                Type::members([("digest", Type::Text), ("gets", Type::Int), ("bytes", Type::Int)]);
            Type::members([
                ("total", Type::Int),
                ("manifests", Type::Int),
                ("blobs", Type::List(Box::new(blob))),
                ("unauthorized", Type::Int),
                ("authorized", Type::Int),
                ("tokens", Type::Int),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(requests(lane, params)) },
};

/// Takes the fault away that `image.publish` was given.
pub const REPAIR: Verb = Verb {
    signature: Signature {
        name: "image.repair",
        title: "ends what goes wrong in stdcheck's registry",
        params: &[REPOSITORY],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(repair(lane, params)) },
};

async fn requests(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    let repository = params.text("repository")?;
    let tally = registry(&run).await?.tally(repository).ok_or_else(|| missing(repository))?;
    Ok(counted(&tally))
}

async fn repair(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    let repository = params.text("repository")?;
    if !registry(&run).await?.repair(repository) {
        return Err(missing(repository));
    }
    Ok(value::map(std::iter::empty::<(&str, Value)>()))
}

fn counted(tally: &Tally) -> Value {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let blobs: Vec<Value> = tally
        .blobs
        .iter()
        .map(|blob| {
            value::map([
                ("digest", Value::from(blob.digest.as_str())),
                ("gets", number(blob.gets)),
                ("bytes", number(blob.bytes)),
            ])
        })
        .collect();
    value::map([
        ("total", number(tally.total)),
        ("manifests", number(tally.manifests)),
        ("blobs", Value::from(blobs)),
        ("unauthorized", number(tally.unauthorized)),
        ("authorized", number(tally.authorized)),
        ("tokens", number(tally.tokens)),
    ])
}

fn missing(repository: &str) -> Halt {
    Halt::Error(format!("image.publish served nothing in {repository}"))
}
