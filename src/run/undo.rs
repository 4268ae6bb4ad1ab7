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

/// Undoes everything of a lane. What fails is told on its own; the rest is still undone.
pub async fn all(mut lane: Lane) {
    while let Some(undo) = lane.undo.pop() {
        match undo {
            Undo::Own(restore) => {
                if let Err(message) = restore().await {
                    tell(&lane, message);
                }
            }
            Undo::Rpc { rpc, request, reply } => rpc_undo(&mut lane, &rpc, request, reply).await,
        }
    }
}

async fn rpc_undo(lane: &mut Lane, rpc: &str, request: Value, reply: Option<Value>) {
    let run = lane.run.clone();
    let Some(def) = run.plan.suite.undo.get(rpc) else { return };
    let steps = if reply.is_some() { &def.def.1.steps } else { &def.def.1.cut };
    lane.scope.insert("request".into(), request.clone());
    lane.scope.insert("reply".into(), reply.unwrap_or(Value::Null));
    for step in steps {
        // One that undoes must not be undone itself.
        let depth = lane.undo.len();
        let result = step::execute(lane, step, None).await;
        lane.undo.truncate(depth);
        if let Err(halt) = result {
            // After a death everything is swept anyway; it needs no second telling.
            if !matches!(halt, Halt::Died(_)) || !run.is_gone() {
                let of = value::brief(&request);
                tell(lane, format!("{} (undoing {rpc} of {of})", halt.line()));
            }
        }
    }
}

fn tell(lane: &Lane, message: String) {
    lane.run.tell(Event::CleanupFailed { of: lane.owner.clone(), message });
}
