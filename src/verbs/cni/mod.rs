//! What checks of CNI plugins do and see on a stage, beside executing the plugin.

pub mod bad;
pub mod container;
pub mod delegate;
pub mod edit;
pub mod execute;
pub mod file;
pub mod link;
pub mod list;
pub mod passed_on;
pub mod profile;
pub mod result;
pub mod rules;
pub mod state;
pub mod sysctl;
pub mod tamper;
pub mod throughput;
pub mod traffic;

use std::sync::Arc;

use super::{Done, Params, Verb};
use crate::{
    drive::exec::Plugin,
    run::{halt::Halt, host::Host, lane::Lane},
    suite::expr::{Value, value},
};

/// Nothing to tell.
pub(super) fn done() -> Value {
    value::map(std::iter::empty::<(&str, Value)>())
}

/// Anything that serialises, as expressions see it.
pub(super) fn told(answer: &impl serde::Serialize) -> Result<Value, Halt> {
    serde_json::to_value(answer)
        .map(|json| value::from_json(&json))
        .map_err(|error| Halt::Error(format!("stdcheck itself failed: {error}")))
}

/// A text parameter that may be missing; an empty one counts as that.
pub(super) fn optional(params: &Params, name: &str) -> Result<Option<String>, Halt> {
    match params.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => Ok(Some(params.text(name)?.to_owned()).filter(|text| !text.is_empty())),
    }
}

/// A number parameter that may be missing.
fn number_or(params: &Params, name: &str, otherwise: u64) -> Result<u64, Halt> {
    match params.get(name) {
        None => Ok(otherwise),
        Some(_) => u64::try_from(params.number(name)?)
            .map_err(|_| Halt::Error(format!("`{name}` is negative"))),
    }
}

async fn stage_of(lane: &mut Lane) -> Result<(Arc<Plugin>, Arc<Host>), Halt> {
    lane.on_stage().await
}
