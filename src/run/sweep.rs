//! Takes away what a run left behind, by its id: at its end, and for `clean`.

use std::{sync::Arc, time::Duration};

use prost_reflect::DynamicMessage;

use super::{Run, lane::Lane, step};
use crate::{
    drive::grpc::{Grpc, Outcome},
    suite::rpc,
};

/// The suite's sweep steps.
///
/// # Errors
/// What could not be taken away.
pub async fn sweep(run: &Arc<Run>) -> Result<(), String> {
    let mut lane = Lane::new(run, "sweep");
    for sweep in &run.plan.suite.sweep {
        step::execute(&mut lane, &sweep.def, None).await.map_err(|halt| halt.line())?;
    }
    Ok(())
}

/// One harmless call: whether the target answers at all. The first read-only rpc of the suite.
///
/// # Errors
/// Why there is no answer.
pub async fn hello(run: &Run, grpc: &Grpc) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let Some(name) = run.plan.suite.read_only.first() else { return Ok(()) };
    let method = rpc::find(&run.plan.suite.package, name.as_ref())?;
    let request = DynamicMessage::new(method.input());
    let answer = grpc.call(&method, &request, PATIENCE).await;
    // Another process is what we hope for here.
    match answer.outcome {
        Outcome::Answered | Outcome::Died(_) if answer.code == tonic::Code::Ok => Ok(()),
        _ => Err(answer.message),
    }
}
