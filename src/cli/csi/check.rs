//! Checks the driver.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    STANDARD,
    flags::{self, DriverFlags},
    target::TargetFlags,
};
use crate::{
    cli::{
        carry_out::{self, carry_out},
        common::Stop,
        cri::runtime,
        run_args::{self, CheckArgs},
        signals,
    },
    drive::{clock::PendingClock, csi::Config},
    events::TargetInfo,
    plan::{Plan, waiver::Waiver},
    report::{Finished, Reports, Terminal},
    run::{Options, Run, workspace::Workspace},
    suite::load::Suite,
    verbs,
    verdict::exit,
};

/// A step's deadline, where neither the suite nor the user names one.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    driver: DriverFlags,
    #[command(flatten)]
    check: CheckArgs,
}

impl RunArgs {
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        let suite = self.check.load(STANDARD)?;
        let session = Session {
            suite: &suite,
            target: &self.target,
            driver: &self.driver,
            check: &self.check,
        };
        if self.check.dry_run {
            run_args::dry_run(&session.plan()?);
            return Ok(exit::OK);
        }
        session.plan()?;
        let config = self.driver.config()?;
        self.target.name(&suite)?;
        // From the first file that is made on, a signal ends the run in order.
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CSI);
        let (waivers, mut reports) = self.check.open()?;
        reports.add(Terminal::stdout());
        let checking = session.check(config, waivers, reports, &stop, begun);
        runtime.block_on(checking).map(|finished| finished.exit_code)
    }
}

/// One check of a driver.
pub struct Session<'a> {
    /// The suite.
    pub suite: &'a Arc<Suite>,
    /// Where the driver is.
    pub target: &'a TargetFlags,
    /// What it has.
    pub driver: &'a DriverFlags,
    /// Flags of all checking commands.
    pub check: &'a CheckArgs,
}

impl Session<'_> {
    /// What is asked for; an error where that is nothing.
    fn plan(&self) -> Result<Plan, Stop> {
        let mut wanted = self.check.wanted(self.suite, None)?;
        wanted.crash_allowed = self.target.crash_allowed();
        run_args::plan(self.suite, &wanted)
    }

    /// Finds the driver and checks it.
    pub async fn check(
        &self,
        config: Config,
        waivers: Vec<Waiver>,
        reports: Reports,
        stop: &CancellationToken,
        begun: Instant,
    ) -> Result<Finished, Stop> {
        let plan = self.plan()?;
        let clock = PendingClock::default();
        let workspace =
            Workspace::new(begun, &self.target.name(self.suite)?).map_err(Stop::usage)?;
        let told = flags::told(&config);
        let found = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Stop::interrupted()),
            found = self.target.find(self.suite, config, &workspace, &clock) => found?,
        };
        let options = Options {
            jobs: self.check.jobs,
            fail_fast: self.check.fail_fast,
            check_timeout: self.check.check_timeout,
            run_timeout: self.check.timeout,
            restart: found.restart,
            user: told,
            names: verbs::csi::learn::told(&found.driver.config),
            learn: Some(verbs::csi::learn::learn),
            driver: Some(found.driver.clone()),
            waivers,
            replay: self.replay(),
            replay_end: self.replay_end(),
            ..Options::quiet(self.check.step_timeout.unwrap_or(STEP_TIMEOUT))
        };
        let api = plan.api.to_string();
        let (events, received) = mpsc::unbounded_channel();
        let verbs = verbs::registry::of(STANDARD);
        let stop = stop.clone();
        let run = Run::new(&workspace, plan, options, found.drive, clock, verbs, stop, events);
        let config = &found.driver.config;
        for secrets in [&config.secrets, &config.wrong_secrets, &config.denied_secrets] {
            secrets.values().for_each(|secret| run.redactor.learn(secret));
        }
        let target = TargetInfo {
            endpoint: run.drive.name(),
            name: found.info.name,
            version: found.info.vendor_version,
            api,
            api_from: "the newest that the suite knows".to_owned(),
            capabilities: Vec::new(),
        };
        let header = carry_out::header(&run, target, self.touches(&run));
        let finished = carry_out(&run, header, received, reports, workspace).await;
        if let Some(launched) = &found.driver.launched {
            launched.stop().await;
        }
        Ok(finished)
    }

    /// The beginning of a command line that checks the same driver in the same way; the driver's own
    /// arguments come at its end.
    fn replay(&self) -> String {
        let mut words = vec!["stdcheck".to_owned(), STANDARD.to_owned()];
        words.extend(self.target.words());
        words.extend(self.driver.words());
        if let Some(suite) = &self.check.suite {
            words.extend(["--suite".to_owned(), suite.display().to_string()]);
        }
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }

    fn replay_end(&self) -> String {
        let words = self.target.driver_words();
        if words.is_empty() {
            return String::new();
        }
        let joined = shlex::try_join(words.iter().map(String::as_str));
        format!(" -- {}", joined.unwrap_or_else(|_| words.join(" ")))
    }

    /// What the run will make or touch, before it does.
    fn touches(&self, run: &Run) -> Vec<String> {
        let namespace = run.namespace();
        let mut touches =
            vec![format!("volumes and snapshots named {namespace}-…, deleted at the end")];
        if let Some(driver) = &run.options.driver {
            touches.push(format!(
                "folders below {} on the driver's node, removed at the end",
                driver.folder.display()
            ));
        }
        touches.push(format!("files in {}, removed at the end", run.dir.display()));
        touches.extend(self.target.touches());
        touches
    }
}
