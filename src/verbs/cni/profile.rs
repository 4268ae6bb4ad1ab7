//! `profile.look`: what the plugin's profile says that no capability tells.

use serde_json::json;

use super::{Done, Params, Verb, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type},
        signature::Signature,
    },
};

/// Looks into the profile.
pub const LOOK: Verb = Verb {
    signature: Signature {
        name: "profile.look",
        title: "what the plugin's profile says: a configuration with few addresses, the links that \
                ADD builds on, and the names of bad configurations and of tampers; a pool of size 0 \
                is none",
        params: &[],
        reply: || {
            let names = || Type::List(Box::new(Type::Text));
            Type::members([
                ("pool", Type::members([("with", Type::Dyn), ("size", Type::Int)])),
                ("parents", names()),
                ("bad", names()),
                ("tampers", names()),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { look(lane, &params).await }) },
};

async fn look(lane: &mut Lane, _: &Params) -> Result<Value, Halt> {
    let (plugin, _) = stage_of(lane).await?;
    let profile = &plugin.profile;
    let pool = match &profile.pool {
        Some(pool) => json!({ "with": pool.with, "size": pool.size }),
        None => json!({ "with": {}, "size": 0 }),
    };
    let parents: Vec<&str> = profile.parent.iter().map(|parent| parent.name.as_str()).collect();
    let bad: Vec<&str> = profile.bad.iter().map(|bad| bad.name.as_str()).collect();
    let tampers: Vec<&str> = profile.tamper.iter().map(|tamper| tamper.name.as_str()).collect();
    told(&json!({ "pool": pool, "parents": parents, "bad": bad, "tampers": tampers }))
}
