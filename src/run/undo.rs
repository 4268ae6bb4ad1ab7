//! Takes back what a check or situation made, in reverse order, whatever became of it.

use super::{
    halt::Halt,
    lane::{Lane, Undo},
    step,
};
use crate::{
    events::Event,
    suite::expr::{Value, value},
};

/// Undoes everything of a lane. What fails is told on its own; the rest is still undone. Says how the
/// target died, if it did so meanwhile: what it holds then is swept when it is back.
pub async fn all(lane: &mut Lane) -> Option<String> {
    let mut died = None;
    while let Some(undo) = lane.undo.pop() {
        match undo {
            Undo::Own(restore) => {
                if let Err(message) = restore().await {
                    tell(lane, message);
                }
            }
            Undo::Rpc { rpc, request, reply } => {
                let how = rpc_undo(lane, &rpc, request, reply).await;
                died = died.or(how);
            }
        }
    }
    died
}

/// Says how the target died, if it did.
async fn rpc_undo(
    lane: &mut Lane,
    rpc: &str,
    request: Value,
    reply: Option<Value>,
) -> Option<String> {
    let run = lane.run.clone();
    let def = run.plan.suite.undo.get(rpc)?;
    let mut died = None;
    let steps = if reply.is_some() { &def.def.1.steps } else { &def.def.1.cut };
    lane.scope.insert("request".into(), request.clone());
    lane.scope.insert("reply".into(), reply.unwrap_or(Value::Null));
    for step in steps {
        // One that undoes must not be undone itself.
        let depth = lane.undo.len();
        let result = step::execute(lane, step, None).await;
        lane.undo.truncate(depth);
        match result {
            Ok(()) => {}
            Err(Halt::Died(how)) => died = died.or(Some(how)),
            Err(halt) => {
                let of = value::brief(&request);
                tell(lane, format!("{} (undoing {rpc} of {of})", halt.line()));
            }
        }
    }
    died
}

fn tell(lane: &Lane, message: String) {
    lane.run.tell(Event::CleanupFailed { of: lane.owner.clone(), message });
}
