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
/// target died, if it did so meanwhile: what was being undone then, and all before it, stays in the lane
/// until it is back. Of a target that is gone for good nothing stays.
pub async fn all(lane: &mut Lane) -> Option<String> {
    let mut died = None;
    while let Some(undo) = lane.undo.pop() {
        match undo {
            Undo::Own(restore) => {
                lane.run.journal.flush();
                if let Err(message) = restore().await {
                    tell(lane, message);
                }
            }
            Undo::Beside(restore) => lane.run.beside.take(&lane.owner, restore),
            Undo::Rpc { rpc, request, reply, entry } => {
                let replied = reply.as_ref().and_then(|answer| answer.reply_value());
                let how = rpc_undo(lane, &rpc, request.value(), replied, entry).await;
                if how.is_some() && !lane.run.is_gone() {
                    lane.undo.push(Undo::Rpc { rpc, request, reply, entry });
                    return how;
                }
                died = died.or(how);
            }
        }
    }
    died
}

/// Leaves what is next to be undone as it is: the target died of that alone, and would once more.
pub fn give_up_next(lane: &mut Lane, how: &str) {
    let Some(Undo::Rpc { rpc, request, reply, entry }) = lane.undo.pop() else { return };
    leave(lane, reply.is_some(), entry);
    let of = value::brief(request.value());
    tell(lane, format!("the target died of undoing it ({how}); not tried again: {rpc} of {of}"));
}

/// At the end of a run: what is not the target's is put back, and what is the target's is told.
pub async fn give_up(mut lane: Lane) {
    while let Some(undo) = lane.undo.pop() {
        match undo {
            Undo::Own(restore) | Undo::Beside(restore) => {
                if let Err(message) = restore().await {
                    tell(&lane, message);
                }
            }
            Undo::Rpc { rpc, request, reply, entry } => {
                leave(&lane, reply.is_some(), entry);
                let of = value::brief(request.value());
                tell(&lane, format!("the target died before it was undone: {rpc} of {of}"));
            }
        }
    }
}

/// The run's own sweep does not try it any more. Of something that is there for certain `clean` has to
/// know: a call that was cut need not have made anything.
fn leave(lane: &Lane, replied: bool, entry: Option<u64>) {
    if let Some(entry) = entry {
        lane.run.journal.give_up(entry);
    }
    if replied {
        lane.run.set_uncleaned();
    }
}

/// Says how the target died, if it did.
async fn rpc_undo(
    lane: &mut Lane,
    rpc: &str,
    request: &Value,
    reply: Option<&Value>,
    entry: Option<u64>,
) -> Option<String> {
    let run = lane.run.clone();
    let def = run.plan.suite.undo.get(rpc)?;
    let mut died = None;
    let steps = if reply.is_some() { &def.def.1.steps } else { &def.def.1.cut };
    let replied = reply.is_some();
    lane.scope.insert("request".into(), request.clone());
    lane.scope.insert("reply".into(), reply.cloned().unwrap_or(Value::Null));
    for path in def.def.1.only_with.iter().map(toml::Spanned::as_ref) {
        let of_reply = path.starts_with("reply.");
        if of_reply && !replied {
            continue;
        }
        let whole = if of_reply { &lane.scope["reply"] } else { request };
        let found = path.split('.').skip(1).try_fold(whole, |at, name| value::member(at, name));
        if found.map(value::as_text).unwrap_or_default().is_empty() {
            tell(lane, format!("{rpc} was OK with an empty {path}: what it did is not undone"));
            if let Some(entry) = entry {
                run.journal.over(entry);
            }
            return died;
        }
    }
    let mut failed = false;
    for step in steps {
        // One that undoes must not be undone itself.
        let depth = lane.undo.len();
        let result = step::execute(lane, step, None).await;
        lane.undo.truncate(depth);
        match result {
            Ok(()) => {}
            Err(Halt::Died(how)) => {
                died = Some(how);
                break;
            }
            Err(halt) => {
                failed = true;
                let of = value::brief(request);
                tell(lane, format!("{} (undoing {rpc} of {of})", halt.line()));
            }
        }
    }
    if let Some(entry) = entry.filter(|_| !failed && died.is_none()) {
        run.journal.over(entry);
    }
    died
}

/// Takes back what stands in the journal and was not taken back yet: what a killed run left, or a
/// cleanup that failed.
///
/// # Errors
/// How much is left.
pub async fn journal(lane: &mut Lane) -> Result<(), String> {
    let run = lane.run.clone();
    for entry in run.journal.left().entries {
        match entry.read(&run.plan.suite.package) {
            Ok((request, reply)) => {
                rpc_undo(lane, &entry.rpc, &request, reply.as_ref(), Some(entry.number)).await;
            }
            Err(why) => tell(lane, why),
        }
    }
    let left = run.journal.left();
    if left.unreadable > 0 {
        return Err(format!(
            "{} lines of the run's journal cannot be read: clean with the stdcheck that began the run",
            left.unreadable
        ));
    }
    let left: Vec<String> = left.entries.into_iter().map(|entry| entry.rpc).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(format!("what these made is still there: {}", left.join(", ")))
}

fn tell(lane: &Lane, message: String) {
    lane.run.tell(Event::CleanupFailed { of: lane.owner.clone(), message });
}
