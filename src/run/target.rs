//! Bringing a target back that has died, or restarting one on purpose.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Restart, Run};
use crate::{drive::csi::Driver, events::Event};

/// How long a restarted endpoint may take to answer.
const RESTART_PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody else (a supervisor) may take, when we were told no command.
const SUPERVISOR_PATIENCE: Duration = Duration::from_secs(2);
const PROBE_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Waits until the target answers again, after the restart command if there is one.
///
/// # Errors
/// Why it does not.
pub async fn revive(run: &Arc<Run>) -> Result<(), String> {
    let begin = Instant::now();
    if run.options.restart.is_some() {
        restart(run).await?;
    } else {
        answers(run, SUPERVISOR_PATIENCE).await?;
    }
    let took_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    run.tell(Event::TargetRestarted { took_ms });
    Ok(())
}

/// Runs the restart command and waits for the endpoint. It goes on to its end although its caller is
/// cut: in its middle the target is dead.
///
/// # Errors
/// If there is none, it fails, or the endpoint does not answer in time.
pub async fn restart(run: &Arc<Run>) -> Result<(), String> {
    let Some(how) = run.options.restart.clone() else {
        return Err("there is no --restart-cmd".to_owned());
    };
    let under_way = run.restarting.clone().lock_owned().await;
    let run = run.clone();
    let restarting = tokio::spawn(async move {
        let restarted = match &how {
            Restart::Command(command) => restart_with(&run, command).await,
            Restart::Own(driver) => start_anew(&run, driver).await,
        };
        run.set_restart_failed(restarted.as_ref().err().cloned());
        drop(under_way);
        restarted
    });
    restarting.await.map_err(|error| format!("stdcheck itself failed: {error}"))?
}

/// Waits until no restart is under way.
pub async fn restarted(run: &Run) {
    drop(run.restarting.lock().await);
}

/// Kills the driver that we started, if it lives, and starts it again.
async fn start_anew(run: &Run, driver: &Driver) -> Result<(), String> {
    let _pending = run.clock.start();
    let Some(launched) = &driver.launched else {
        return Err("stdcheck did not start the driver".to_owned());
    };
    launched.restart().await?;
    answers(run, RESTART_PATIENCE).await
}

async fn restart_with(run: &Run, command: &str) -> Result<(), String> {
    let _pending = run.clock.start();
    let told = |error: std::io::Error| format!("cannot run the restart command: {error}");
    // A file and not a pipe, and a process group of its own: the daemon that it starts keeps both.
    let errors = run.dir.join("restart.err");
    let stderr = std::fs::File::create(&errors).map_err(told)?;
    let mut child = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(told)?;
    let status = tokio::time::timeout(2 * RESTART_PATIENCE, child.wait())
        .await
        .map_err(|_| format!("the restart command `{command}` does not end"))?
        .map_err(|error| format!("the restart command `{command}`: {error}"))?;
    if !status.success() {
        let errors = std::fs::read_to_string(&errors).unwrap_or_default();
        let errors = errors.trim();
        return Err(format!("the restart command `{command}` failed ({status}): {errors}"));
    }
    answers(run, RESTART_PATIENCE).await
}

/// Polls the endpoint until a call is answered.
async fn answers(run: &Run, patience: Duration) -> Result<(), String> {
    let _pending = run.clock.start();
    let begin = Instant::now();
    loop {
        let Err(why) = all_answer(run).await else { return Ok(()) };
        if begin.elapsed() >= patience {
            return Err(why);
        }
        tokio::time::sleep(PROBE_AGAIN_AFTER).await;
    }
}

/// One harmless call at each endpoint.
async fn all_answer(run: &Run) -> Result<(), String> {
    for grpc in run.drive.endpoints() {
        super::sweep::hello(run, grpc).await?;
        grpc.accept_peer();
    }
    // Where the driver's node came back with it, they are gone.
    if let Some(driver) = &run.options.driver {
        driver.known.take_spare();
    }
    Ok(())
}
