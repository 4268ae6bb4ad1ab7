//! A run by hand whose target has had enough.

use std::sync::Arc;

use serde_json::json;
use stdcheck::{
    events::{CheckResult, Event, Exchange},
    verdict::Verdict,
};

use super::sample;

/// A run whose target refuses one rpc from some point on.
pub fn run() -> Vec<Event> {
    let why = "no free addresses";
    let refused = |at_ms: u64| {
        let call = sample::exchange("RuntimeService/RunPodSandbox", json!({}), "UNKNOWN", why);
        CheckResult {
            verdict: Verdict::Error,
            reason: Some(format!("RuntimeService/RunPodSandbox was refused: UNKNOWN {why}")),
            exchanges: vec![Arc::new(Exchange { at_ms, ..Exchange::clone(&call) })],
            ..sample::check(&format!("cri.status.at-{at_ms}"), "A sandbox has a status", Vec::new())
        }
    };
    let mut events = vec![sample::header(3)];
    events.extend([10, 20, 30].map(|at_ms| Event::CheckFinished(Box::new(refused(at_ms)))));
    events.push(Event::RunFinished(Box::default()));
    events
}
