//! `target.*`: the target's process itself.

use super::{Done, Verb};
use crate::{
    run::{halt::Halt, target},
    suite::{
        expr::{Value, types::Type, value},
        signature::Signature,
    },
};

/// Restarts the target with the user's command and waits until it answers.
pub const RESTART: Verb = Verb {
    signature: Signature {
        name: "target.restart",
        title: "restarts the target and waits until it answers",
        params: &[],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> {
        Box::pin(async move {
            // What others share stands no longer for sure.
            lane.run.shared.distrust();
            target::restart(&lane.run).await.map_err(Halt::Error)?;
            Ok(value::map(std::iter::empty::<(&str, Value)>()))
        })
    },
};
