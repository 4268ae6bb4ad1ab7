//! `csi.sweep`: what is still left of the run, on the driver and on its node.

use super::place::paths;
use crate::{
    run::{halt::Halt, lane::Lane, undo},
    suite::{
        expr::{Value, types::Type},
        signature::Signature,
    },
    verbs::{Done, Params, Verb},
};

/// Undoes what stands in the run's journal, and removes the run's folder of the node.
pub const SWEEP: Verb = Verb {
    signature: Signature {
        name: "csi.sweep",
        title: "takes back what the run made and did not take back, and its folder on the node",
        params: &[],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(sweep(lane, params)) },
};

async fn sweep(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    let undone = undo::journal(lane).await;
    let driver = paths::driver(lane)?;
    // Where the node cannot be reached, nothing was made there.
    let removed = match driver.files(&lane.run.drive) {
        Ok(files) => files.remove(&driver.folder.display().to_string()).await,
        Err(_) => Ok(()),
    };
    let wrong: Vec<String> = [undone, removed].into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(super::values::nothing()) } else { Err(Halt::Error(wrong.join("; "))) }
}
