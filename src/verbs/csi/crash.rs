//! `csi.crash` and `csi.alive`: the driver's process.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::place::paths::driver;
use crate::{
    run::{halt::Halt, lane::Lane, target},
    suite::{
        expr::{Value, types::Type, value},
        signature::Signature,
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// How long the kernel may take to end what was killed.
const DYING: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Kills the driver and brings it back.
pub const CRASH: Verb = Verb {
    signature: Signature {
        name: "csi.crash",
        title: "kills the driver and brings it back",
        params: &[],
        reply: || Type::members([("restarted", Type::Bool)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(crash(lane, params)) },
};

/// Whether the driver lives.
pub const ALIVE: Verb = Verb {
    signature: Signature {
        name: "csi.alive",
        title: "whether the driver's process is still the same and listens",
        params: &[],
        reply: || Type::members([("alive", Type::Bool), ("ended", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(alive(lane, params)) },
};

async fn crash(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    if run.options.restart.is_none() {
        let why = "nobody brings the driver back: let stdcheck start it, or say --restart-cmd CMD";
        return Err(Halt::Skip(SkipKind::NotChecked, why.to_owned()));
    }
    // What others share stands no longer for sure.
    run.shared.distrust();
    let pending = run.clock.start();
    match &driver(lane)?.launched {
        Some(launched) => launched.kill().await.map_err(|why| Halt::Error(why.to_string()))?,
        None => kill_peers(lane).await,
    }
    drop(pending);
    target::restart(&run).await.map_err(Halt::Error)?;
    Ok(value::map([("restarted", Value::Bool(true))]))
}

/// Where its processes are not known (over TCP), the restart command has to end them.
async fn kill_peers(lane: &Lane) {
    for peer in lane.run.drive.endpoints().into_iter().filter_map(|grpc| grpc.peer()) {
        if peer.is_alive() && kill(Pid::from_raw(peer.pid), Signal::SIGKILL).is_ok() {
            let begin = Instant::now();
            while peer.is_alive() && begin.elapsed() < DYING {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        }
    }
}

async fn alive(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    let told = |alive, ended: &str| {
        value::map([("alive", Value::Bool(alive)), ("ended", Value::from(ended))])
    };
    if let Some(early) = driver(lane)?.known.early_end.get() {
        return Ok(told(false, &early.how));
    }
    let mut alive = lane.run.drive.death().is_none();
    // One that went into the background has ended, whatever serves in its place.
    if let Some(launched) = &driver(lane)?.launched {
        alive = alive && launched.is_running();
    }
    for grpc in lane.run.drive.endpoints() {
        alive = alive && grpc.probe().await.is_ok();
    }
    Ok(told(alive, ""))
}
