//! Carries a run out: events go to the reports until the last, and the run's folder goes.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    events::{CapabilityFact, Event, Header, TargetInfo},
    report::{Finished, Reports},
    run::{self, Run, workspace::Workspace},
};

/// The header of a run, but for the capabilities, which it finds out itself.
pub fn header(run: &Run, target: TargetInfo, touches: Vec<String>) -> Header {
    Header {
        standard: run.plan.suite.standard.clone(),
        run_id: run.id.clone(),
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        command: std::env::args().collect(),
        target,
        selected: run.plan.checks.len() + run.plan.invariants.len(),
        touches,
        stdcheck: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Runs it and writes the reports.
pub async fn carry_out(
    run: &Arc<Run>,
    header: Header,
    mut received: UnboundedReceiver<Event>,
    mut reports: Reports,
    workspace: Workspace,
) -> Finished {
    let mut running = tokio::spawn({
        let run = run.clone();
        async move {
            let started = |facts: &BTreeMap<String, CapabilityFact>| {
                let mut header = header;
                header.target.capabilities = facts.values().cloned().collect();
                run.tell(Event::RunStarted(Box::new(header)));
            };
            let finish = run::execute(&run, started).await;
            run.tell(Event::RunFinished(Box::new(finish)));
        }
    });
    // The last event is the end. A run that failed itself has none: then its task has ended and
    // nothing is left to be read.
    let mut over = false;
    while !(over && received.is_empty()) {
        tokio::select! {
            biased;
            Some(event) = received.recv() => {
                let last = matches!(event, Event::RunFinished(_));
                reports.event(event);
                if last {
                    break;
                }
            }
            ended = &mut running, if !over => {
                if ended.is_err() {
                    // `clean` has to do what it could not.
                    run.set_uncleaned();
                }
                run.settle();
                over = true;
            }
        }
    }
    if run.needs_cleaning() {
        workspace.keep();
    } else {
        drop(workspace);
    }
    let finished = reports.finish();
    for error in &finished.errors {
        anstream::eprintln!("stdcheck: {error}");
    }
    finished
}
