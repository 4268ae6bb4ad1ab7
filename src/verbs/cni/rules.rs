//! `rules.flush`: somebody resets the packet filter.

use super::{Done, Verb, done, stage_of};
use crate::{
    run::halt::Halt,
    suite::{expr::types::Type, signature::Signature},
};

/// Deletes all rules.
pub const FLUSH: Verb = Verb {
    signature: Signature {
        name: "rules.flush",
        title: "deletes all packet filter rules of the host, as a firewall's restart does",
        params: &[],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> {
        Box::pin(async move {
            let (_, host) = stage_of(lane).await?;
            host.stage.flush_rules().await.map_err(Halt::Error)?;
            Ok(done())
        })
    },
};
