//! A driver that ends when a client goes: seen before the first check, so that the checks can be made
//! nevertheless, over one connection that stays.

use std::time::{Duration, Instant};

use super::target::HELLO;
use crate::{
    cli::common::Stop,
    drive::{
        Drive,
        clock::PendingClock,
        csi::{EarlyEnd, Launched, launched::Trouble},
        grpc::Grpc,
    },
    suite::load::Suite,
};

/// How long an end that follows a client's may take to be seen.
const ENDING: Duration = Duration::from_millis(20);

/// Lets a client come, ask and go. If the driver ends and nobody else serves in its place, it is started
/// again; gives what it is then, and how it ended.
///
/// # Errors
/// If it cannot be started once more, or does not answer then either.
pub async fn visit(
    launched: &Launched,
    suite: &Suite,
    clock: &PendingClock,
    new: impl Fn() -> Grpc,
) -> Result<(Drive, Option<EarlyEnd>), Stop> {
    // What it answers is asked again by whoever stays.
    let _ = HELLO.say(&new(), suite).await;
    let waiting = clock.start();
    let ended = launched.ended_within(ENDING).await;
    drop(waiting);
    let Some(ended) = ended else {
        return Ok((Drive::Grpc(new()), None));
    };
    // Its first process ended, and another one serves: it went into the background.
    let grpc = new();
    if HELLO.say_only(&grpc, suite).await.is_ok() {
        return Ok((Drive::Grpc(grpc), None));
    }
    let begin = Instant::now();
    launched.set_frail();
    let starting = clock.start();
    launched.start().await.map_err(|trouble: Trouble| Stop::unreachable(trouble.to_string()))?;
    drop(starting);
    let grpc = new().frail();
    let again = |stop: Stop| {
        Stop::unreachable(format!("the driver {ended}, and then again: {}", stop.message))
    };
    HELLO.say_only(&grpc, suite).await.map_err(again)?;
    let how = format!("a client went, and the driver {ended}");
    Ok((Drive::Frail(grpc), Some(EarlyEnd { how, restarted_after: begin.elapsed() })))
}
