//! Finding the driver, or starting it: endpoints, its node's files, how it is brought back.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::builder::NonEmptyStringValueParser;

use super::frail;
use crate::{
    cli::{common::Stop, hello::Hello},
    drive::{
        Drive,
        clock::PendingClock,
        csi::{
            Config, Driver, Known, Launched, NodeAccess, NodeFiles,
            launched::{LaunchOptions, Trouble},
        },
        grpc::{Endpoint, Grpc},
    },
    proto::csi::v1::GetPluginInfoResponse,
    run::{Restart, workspace::Workspace},
    suite::load::Suite,
};

/// Every endpoint serves it (CSI, "RPC Interface"), and no driver needs its back end for it.
pub const HELLO: Hello = Hello {
    rpc: "Identity/GetPluginInfo",
    standard: "CSI v1",
    advice: "is it a CSI driver's socket?",
    // A dead endpoint is told within two seconds, of which beginning and ending take some.
    patience: Duration::from_millis(1750),
};

/// Where the driver is.
#[derive(Clone, Debug, clap::Args)]
pub struct TargetFlags {
    /// The driver's socket: a path, unix:///path, tcp://host:port
    #[arg(long, visible_alias = "socket", value_name = "ENDPOINT", conflicts_with_all = ["controller_endpoint", "node_endpoint", "driver"])]
    endpoint: Option<String>,
    /// Where the controller listens, if not where the node service does
    #[arg(long, value_name = "ENDPOINT", conflicts_with = "driver")]
    controller_endpoint: Option<String>,
    /// Where the node service listens, if not where the controller does
    #[arg(long, value_name = "ENDPOINT", conflicts_with = "driver")]
    node_endpoint: Option<String>,
    /// Start this program, in a mount namespace of its own, and check it: its arguments stand after
    /// `--`, where {endpoint} becomes its socket and {state} a folder of its own. CSI_ENDPOINT is set
    #[arg(long, value_name = "PROGRAM")]
    driver: Option<PathBuf>,
    /// The driver's arguments
    #[arg(last = true, requires = "driver", value_name = "ARGUMENTS")]
    driver_args: Vec<String>,
    /// How to run a command on the driver's node, if that is not this host: the words before it, as in
    /// "ssh node1" or "kubectl exec csi-node -c driver --"
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new(), help_heading = "What stdcheck may do")]
    node_command: Option<String>,
    /// How to restart the driver (run by `sh -c`): allows checks that kill it
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "driver", help_heading = "What stdcheck may do")]
    restart_cmd: Option<String>,
    /// Run checks that may kill the driver, even without --restart-cmd
    #[arg(long, help_heading = "What stdcheck may do")]
    allow_crash: bool,
}

/// A driver that answers.
pub struct Found {
    /// Where it is called.
    pub drive: Drive,
    /// What no rpc tells of it.
    pub driver: Arc<Driver>,
    /// How it is brought back.
    pub restart: Option<Restart>,
    /// What it calls itself.
    pub info: GetPluginInfoResponse,
}

impl TargetFlags {
    /// Whether checks may kill it.
    pub fn crash_allowed(&self) -> bool {
        self.allow_crash || self.restart_cmd.is_some() || self.driver.is_some()
    }

    /// What stands for the target before it is found: the endpoints or the program.
    pub fn name(&self, suite: &Suite) -> Result<String, Stop> {
        if let Some(driver) = &self.driver {
            return Ok(driver.display().to_string());
        }
        let places = self.places(suite)?;
        let names: Vec<String> =
            [places.0, places.1].into_iter().flatten().map(|place| place.to_string()).collect();
        Ok(names.join(" and "))
    }

    /// The endpoints of the controller and the node; one alone that serves both stands first.
    fn places(&self, suite: &Suite) -> Result<(Option<Endpoint>, Option<Endpoint>), Stop> {
        let parsed = |flag: &str, text: &Option<String>| match text {
            Some(text) => text
                .parse::<Endpoint>()
                .map(Some)
                .map_err(|error| Stop::usage(format!("--{flag}: {error}"))),
            None => Ok(None),
        };
        if let Some(single) = parsed("endpoint", &self.endpoint)? {
            return Ok((Some(single), None));
        }
        let controller = parsed("controller-endpoint", &self.controller_endpoint)?;
        let node = parsed("node-endpoint", &self.node_endpoint)?;
        if controller.is_some() || node.is_some() {
            return Ok((controller, node));
        }
        let known = suite.endpoints.iter().find(|path| std::path::Path::new(path).exists());
        match known {
            Some(path) => Ok((Some(Endpoint::Unix(path.into())), None)),
            None => Err(Stop::usage(format!(
                "no driver is named, and none is at {}: name its socket with --endpoint, or let \
                 stdcheck start it with --driver PROGRAM -- ARGUMENTS",
                suite.endpoints.join(", ")
            ))),
        }
    }

    /// Starts the driver if that was asked, and greets it at every endpoint.
    pub async fn find(
        &self,
        suite: &Suite,
        config: Config,
        workspace: &Workspace,
        clock: &PendingClock,
    ) -> Result<Found, Stop> {
        let launched = self.launch(workspace, clock).await?;
        let new = |endpoint| Grpc::new(endpoint, clock.clone());
        let known = Known::default();
        let drive = match &launched {
            Some(launched) => {
                let new = || new(Endpoint::Unix(launched.endpoint()));
                let (drive, early_end) = frail::visit(launched, suite, clock, new).await?;
                if let Some(early_end) = early_end {
                    // Nobody else sets it.
                    let _ = known.early_end.set(early_end);
                }
                drive
            }
            None => match self.places(suite)? {
                (Some(single), None) if self.controller_endpoint.is_none() => {
                    Drive::Grpc(new(single))
                }
                (controller, node) => {
                    Drive::Split { controller: controller.map(new), node: node.map(new) }
                }
            },
        };
        let mut info = None;
        for grpc in drive.endpoints() {
            let reply = match &drive {
                Drive::Frail(grpc) => HELLO.say_only(grpc, suite).await?,
                _ => HELLO.say(grpc, suite).await?,
            };
            let reply: GetPluginInfoResponse = reply.transcode_to().map_err(|error| {
                Stop::unreachable(format!("{}: a broken GetPluginInfo: {error}", grpc.endpoint()))
            })?;
            info.get_or_insert(reply);
        }
        let node = match &self.node_command {
            Some(command) => NodeAccess::Command(node_command(command).await?),
            None => NodeAccess::Process,
        };
        let folder = match &config.node_folder {
            Some(folder) => folder.join(workspace.name()),
            None => workspace.dir.join("node"),
        };
        let driver = Arc::new(Driver { config, node, launched, folder, known });
        let restart = match &self.restart_cmd {
            Some(command) => Some(Restart::Command(command.clone())),
            None => driver.launched.is_some().then(|| Restart::Own(driver.clone())),
        };
        Ok(Found { drive, driver, restart, info: info.unwrap_or_default() })
    }

    async fn launch(
        &self,
        workspace: &Workspace,
        clock: &PendingClock,
    ) -> Result<Option<Launched>, Stop> {
        let Some(program) = &self.driver else { return Ok(None) };
        let program = which::which(program).map_err(|_| {
            let program = program.display();
            Stop::usage(format!(
                "--driver {program}: there is no such program, or it may not be executed"
            ))
        })?;
        let folder = workspace.dir.join("driver");
        let socket = folder.join("socket/csi.sock");
        let options = LaunchOptions::new(program, self.driver_args.clone(), &socket, &folder);
        let told = |trouble: Trouble| Stop::unreachable(trouble.to_string());
        let launched = Launched::new(options).await.map_err(told)?;
        // As a restart does, it takes the driver's time.
        let pending = clock.start();
        launched.start().await.map_err(told)?;
        drop(pending);
        Ok(Some(launched))
    }

    /// The same flags as words, for a command line that checks again.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name}"));
                words.push(value.clone());
            }
        };
        flag("endpoint", &self.endpoint);
        flag("controller-endpoint", &self.controller_endpoint);
        flag("node-endpoint", &self.node_endpoint);
        flag("driver", &self.driver.as_ref().map(|driver| driver.display().to_string()));
        flag("node-command", &self.node_command);
        flag("restart-cmd", &self.restart_cmd);
        if self.allow_crash {
            words.push("--allow-crash".to_owned());
        }
        words
    }

    /// The driver's own arguments, which come last.
    pub fn driver_words(&self) -> &[String] {
        &self.driver_args
    }

    /// What the run does to the driver itself.
    pub fn touches(&self) -> Option<String> {
        match (&self.driver, &self.restart_cmd) {
            (Some(driver), _) => Some(format!(
                "the driver itself: {} is started, killed and started again, in a mount namespace of \
                 its own",
                driver.display()
            )),
            (None, Some(command)) => {
                Some(format!("the driver itself: killed, and restarted with `{command}`"))
            }
            (None, None) => {
                self.allow_crash.then(|| "the driver itself: some checks may kill it".to_owned())
            }
        }
    }
}

async fn node_command(command: &str) -> Result<NodeFiles, Stop> {
    let wrong = |why: &str| Stop::usage(format!("--node-command {command}: {why}"));
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| wrong("these are no words of a shell"))?;
    NodeFiles::command(words).await.map_err(|why| wrong(&why))
}
