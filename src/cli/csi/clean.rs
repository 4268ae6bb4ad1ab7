//! `stdcheck csi clean`: takes back what killed runs made, by their journals on this host.

use std::time::{Duration, Instant};

use clap::Parser;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{STANDARD, flags::DriverFlags, target::TargetFlags};
use crate::{
    cli::{
        common::{Stop, load_sound, one_line, print_line},
        cri::runtime,
        signals,
    },
    drive::clock::PendingClock,
    plan::{self, Wanted},
    run::{
        self, Options, Run,
        workspace::{self, Workspace},
    },
    verbs,
    verdict::exit,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Remove what a killed run left in a driver, on its node and on this host
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    driver: DriverFlags,
}

impl Args {
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        let suite = load_sound(STANDARD, None)?;
        let name = self.target.name(&suite)?;
        let ids = workspace::dead_on(&name);
        if ids.is_empty() {
            print_line("nothing of a run that died here is left");
            return Ok(exit::OK);
        }
        let config = self.driver.config()?;
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CSI);
        runtime.block_on(async {
            let mut left = 0;
            for id in &ids {
                let clock = PendingClock::default();
                let workspace = Workspace::of(id, begun);
                let found = tokio::select! {
                    biased;
                    () = stop.cancelled() => return Err(Stop::interrupted()),
                    found = self.target.find(&suite, config.clone(), &workspace, &clock) => found,
                };
                let found = match found {
                    Ok(found) => found,
                    Err(why) => {
                        // It stays known until the driver can be asked.
                        workspace.keep();
                        return Err(why);
                    }
                };
                let options = Options {
                    names: verbs::csi::learn::told(&found.driver.config),
                    driver: Some(found.driver.clone()),
                    ..Options::quiet(PATIENCE)
                };
                let plan = plan::plan(&suite, &Wanted::default()).map_err(Stop::usage)?;
                let (events, _nobody) = mpsc::unbounded_channel();
                let verbs = verbs::registry::of(STANDARD);
                let run = Run::new(
                    &workspace,
                    plan,
                    options,
                    found.drive,
                    clock,
                    verbs,
                    stop.clone(),
                    events,
                );
                let swept = run::sweep(&run).await;
                if let Some(launched) = &found.driver.launched {
                    launched.stop().await;
                }
                match swept {
                    Ok(()) => print_line(format!("run {id}: clean")),
                    Err(why) => {
                        left += 1;
                        workspace.keep();
                        print_line(format!("run {id}: {}", one_line(why)));
                    }
                }
            }
            Ok(if left == 0 { exit::OK } else { exit::ERROR })
        })
    }
}
