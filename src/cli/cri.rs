//! `stdcheck cri`: checks a container runtime.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand, builder::NonEmptyStringValueParser};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    carry_out::{self, carry_out},
    clean,
    common::Stop,
    hello::Hello,
    image,
    run_args::{self, CheckArgs},
    signals,
};
use crate::{
    drive::{
        Drive,
        clock::PendingClock,
        grpc::{Endpoint, Grpc},
        registry::Certificate,
    },
    events::TargetInfo,
    plan,
    proto::cri::v1::VersionResponse,
    report::Terminal,
    run::{Options, Restart, Run, workspace::Workspace},
    suite::{load::Suite, version::Version},
    verbs,
    verdict::exit,
};

/// Flags by which the user tells a capability; suites name them in `found_by.flag`.
pub const TELLING_FLAGS: &[&str] =
    &["runtime-handler", "port-mappings", "rejected-image", "pinned-image"];

/// A step's deadline, where neither the suite nor the user names one.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// The standard that this command checks.
pub const STANDARD: &str = "cri";

/// Check a container runtime against CRI
///
/// Selections are words separated by space, all of which must fit: slug:GLOB (or a bare GLOB),
/// code:GLOB, level:MUST, basis:stated, section:CRI-SB; a `!` before a word negates it.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<CriCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum CriCommand {
    /// Remove what a killed run left on a runtime and on this host
    Clean(clean::Args),
    /// Export the test image, for nodes that may not pull
    Image(image::Args),
}

/// Where the runtime listens.
#[derive(Clone, Debug, clap::Args)]
pub struct EndpointArgs {
    /// The runtime's socket or address: a path, unix:///path, tcp://host:port [default: the
    /// well-known sockets]
    #[arg(long, visible_alias = "socket", value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[command(flatten)]
    check: CheckArgs,
    /// Judge by this version of the API [default: by the runtime's name and version]
    #[arg(long, value_name = "VERSION", help_heading = "What is checked")]
    api: Option<String>,
    /// How to restart the runtime (run by `sh -c`): allows checks that may kill it or restart it
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new(), help_heading = "What stdcheck may do")]
    restart_cmd: Option<String>,
    /// Run checks that may kill the runtime, even without --restart-cmd
    #[arg(long, help_heading = "What stdcheck may do")]
    allow_crash: bool,
    /// The runtime's CNI configuration folder, changed during some checks and put back
    #[arg(
        long,
        value_name = "DIR",
        requires = "cni_bin_dir",
        help_heading = "What stdcheck may do"
    )]
    cni_conf_dir: Option<PathBuf>,
    /// The runtime's CNI plugin folder, where a recording plugin is put during a check
    #[arg(
        long,
        value_name = "DIR",
        requires = "cni_conf_dir",
        help_heading = "What stdcheck may do"
    )]
    cni_bin_dir: Option<PathBuf>,
    /// A configured runtime handler beside the default one
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "What the runtime has")]
    runtime_handler: Option<String>,
    /// The pod network maps host ports (the portmap plugin, say)
    #[arg(long, help_heading = "What the runtime has")]
    port_mappings: bool,
    /// An image that the runtime's signature policy rejects: it is pulled, which must fail
    #[arg(long, value_name = "REF", help_heading = "What the runtime has")]
    rejected_image: Option<String>,
    /// An image on --registry-listen that the runtime is configured to pin: stdcheck serves it there,
    /// and has it pulled and removed
    #[arg(
        long,
        value_name = "REF",
        requires = "registry_listen",
        help_heading = "What the runtime has"
    )]
    pinned_image: Option<String>,
    /// Use this image of yours instead of stdcheck's own; checks that need the own one are skipped
    #[arg(long, value_name = "REF", value_parser = NonEmptyStringValueParser::new(), help_heading = "What the runtime has")]
    image: Option<String>,
    /// Where stdcheck's image registry listens [default: a free port of loopback in the network
    /// namespace of the runtime's process]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "What the runtime has")]
    registry_listen: Option<SocketAddr>,
    /// Serve the registry over https with this certificate (PEM, with those between it and its CA)
    #[arg(
        long,
        value_name = "FILE",
        requires = "registry_key",
        help_heading = "What the runtime has"
    )]
    registry_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "registry_cert",
        help_heading = "What the runtime has"
    )]
    registry_key: Option<PathBuf>,
    /// Serve the registry over https with a certificate made for this run, for its address and
    /// localhost
    #[arg(long, conflicts_with = "registry_cert", help_heading = "What the runtime has")]
    registry_tls: bool,
    /// Write the CA of that certificate into this file, for the runtime to trust
    #[arg(
        long,
        value_name = "FILE",
        requires = "registry_tls",
        help_heading = "What the runtime has"
    )]
    registry_ca_out: Option<PathBuf>,
}

impl Args {
    /// Checks, cleans or exports.
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        match &self.command {
            Some(CriCommand::Clean(args)) => args.run(begun),
            Some(CriCommand::Image(args)) => args.run(),
            None => self.run.run(begun),
        }
    }
}

impl RunArgs {
    fn run(&self, begun: Instant) -> Result<i32, Stop> {
        let suite = self.check.load(STANDARD)?;
        let mut wanted = self.check.wanted(&suite, self.api.as_ref())?;
        wanted.crash_allowed = self.allow_crash || self.restart_cmd.is_some();
        let preview = run_args::plan(&suite, &wanted)?;
        if self.check.dry_run {
            run_args::dry_run(&preview);
            return Ok(exit::OK);
        }
        for (flag, folder) in
            [("cni-conf-dir", &self.cni_conf_dir), ("cni-bin-dir", &self.cni_bin_dir)]
        {
            if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
                let folder = folder.display();
                return Err(Stop::usage(format!("--{flag} {folder}: there is no such folder")));
            }
        }
        // From the first file that is made on, a signal ends the run in order.
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CRI);
        let (waivers, mut reports) = self.check.open()?;
        reports.add(Terminal::stdout());
        let endpoint = endpoint(&suite, &self.endpoint)?;
        let options = Options {
            jobs: self.check.jobs,
            fail_fast: self.check.fail_fast,
            check_timeout: self.check.check_timeout,
            run_timeout: self.check.timeout,
            restart: self.restart_cmd.clone().map(Restart::Command),
            image: self.image.clone(),
            registry_listen: self.registry_listen,
            registry_certificate: self.certificate(),
            cni_conf_dir: self.cni_conf_dir.clone(),
            cni_bin_dir: self.cni_bin_dir.clone(),
            user: self.told(),
            waivers,
            replay: self.replay(&endpoint),
            ..Options::quiet(self.check.step_timeout.unwrap_or(STEP_TIMEOUT))
        };
        runtime.block_on(async {
            let clock = PendingClock::default();
            let grpc = Grpc::new(endpoint, clock.clone());
            let version = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Stop::interrupted()),
                version = version(&grpc, &suite) => version?,
            };
            let (api, api_from) = judged_by(&suite, wanted.api.take(), &version);
            wanted.api = Some(api.clone());
            let plan = plan::plan(&suite, &wanted).map_err(Stop::usage)?;
            let workspace =
                Workspace::new(begun, &grpc.endpoint().to_string()).map_err(Stop::usage)?;
            let (events, received) = mpsc::unbounded_channel();
            let verbs = verbs::registry::of(STANDARD);
            let run =
                Run::new(&workspace, plan, options, Drive::Grpc(grpc), clock, verbs, stop, events);
            let target = TargetInfo {
                endpoint: run.drive.name(),
                name: version.runtime_name,
                version: version.runtime_version,
                api: api.to_string(),
                api_from,
                capabilities: Vec::new(),
            };
            let header = carry_out::header(&run, target, self.touches(&run));
            let finished = carry_out(&run, header, received, reports, workspace).await;
            Ok(finished.exit_code)
        })
    }

    /// How the registry speaks https, if it is to.
    fn certificate(&self) -> Option<Certificate> {
        match (&self.registry_cert, &self.registry_key) {
            (Some(certificate), Some(key)) => {
                Some(Certificate::Given { certificate: certificate.clone(), key: key.clone() })
            }
            _ => {
                let ca_out = self.registry_ca_out.clone();
                self.registry_tls.then_some(Certificate::OwnMade { ca_out })
            }
        }
    }

    /// Flags by which the user tells capabilities.
    fn told(&self) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        if let Some(handler) = &self.runtime_handler {
            told.insert("runtime-handler".to_owned(), handler.clone());
        }
        if let Some(image) = &self.rejected_image {
            told.insert("rejected-image".to_owned(), image.clone());
        }
        if let Some(image) = &self.pinned_image {
            told.insert("pinned-image".to_owned(), image.clone());
        }
        if self.port_mappings {
            told.insert("port-mappings".to_owned(), "true".to_owned());
        }
        told
    }

    /// The beginning of a command line that checks the same target in the same way.
    fn replay(&self, endpoint: &Endpoint) -> String {
        let mut words = vec!["stdcheck".to_owned(), STANDARD.to_owned()];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name}"));
                words.push(value);
            }
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        flag("endpoint", Some(endpoint.to_string()));
        flag("api", self.api.clone());
        flag("suite", path(&self.check.suite));
        flag("restart-cmd", self.restart_cmd.clone());
        flag("cni-conf-dir", path(&self.cni_conf_dir));
        flag("cni-bin-dir", path(&self.cni_bin_dir));
        flag("runtime-handler", self.runtime_handler.clone());
        flag("rejected-image", self.rejected_image.clone());
        flag("pinned-image", self.pinned_image.clone());
        flag("image", self.image.clone());
        flag("registry-listen", self.registry_listen.map(|address| address.to_string()));
        flag("registry-cert", path(&self.registry_cert));
        flag("registry-key", path(&self.registry_key));
        flag("registry-ca-out", path(&self.registry_ca_out));
        for (name, given) in [
            ("port-mappings", self.port_mappings),
            ("allow-crash", self.allow_crash),
            ("registry-tls", self.registry_tls),
        ] {
            if given {
                words.push(format!("--{name}"));
            }
        }
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }

    /// What the run will make or touch, before it does.
    fn touches(&self, run: &Run) -> Vec<String> {
        let namespace = run.namespace();
        let mut touches = vec![
            format!(
                "pod sandboxes and containers in the namespace {namespace}, removed at the end"
            ),
            format!("files in {}, removed at the end", run.dir.display()),
        ];
        touches.push(match &self.image {
            Some(image) => format!("the image {image}: pulled if it is not there, and then removed at the end"),
            None => format!(
                "test images named …/{namespace}/…, pulled from stdcheck's own registry on {}, removed \
                 at the end",
                self.registry_listen.map_or("loopback".to_owned(), |address| address.to_string())
            ),
        });
        if let Some(path) = &self.registry_ca_out {
            touches.push(format!(
                "the file {}: the CA of the registry's certificate, for the runtime to trust; it stays",
                path.display()
            ));
        }
        if let Some(image) = &self.pinned_image {
            touches.push(format!("the image {image}: served, pulled and removed"));
        }
        if let (Some(conf), Some(bin)) = (&self.cni_conf_dir, &self.cni_bin_dir) {
            touches.push(format!(
                "the network configuration in {}: replaced during some checks, and put back; a plugin \
                 of ours in {}, removed again",
                conf.display(),
                bin.display()
            ));
        }
        if let Some(command) = &self.restart_cmd {
            touches.push(format!("the runtime itself: restarted with `{command}`"));
        } else if self.allow_crash {
            touches.push("the runtime itself: some checks may kill it".to_owned());
        }
        touches
    }
}

/// A runtime for a command that talks to the target.
pub fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Stop::usage(format!("cannot start: {error}")))
}

/// The endpoint as given, or the first well-known socket that is there.
pub fn endpoint(suite: &Suite, args: &EndpointArgs) -> Result<Endpoint, Stop> {
    if let Some(text) = &args.endpoint {
        return text.parse().map_err(|error| Stop::usage(format!("--endpoint: {error}")));
    }
    suite
        .endpoints
        .iter()
        .find(|path| std::path::Path::new(path).exists())
        .map(|path| Endpoint::Unix(path.into()))
        .ok_or_else(|| {
            Stop::unreachable(format!(
                "no runtime found at {}; name its socket with --endpoint",
                suite.endpoints.join(", ")
            ))
        })
}

/// Asks the runtime who it is: the first call, which shows whether it speaks CRI at all.
pub async fn version(grpc: &Grpc, suite: &Suite) -> Result<VersionResponse, Stop> {
    const HELLO: Hello = Hello {
        rpc: "RuntimeService/Version",
        standard: "CRI v1",
        advice: "is it a runtime's socket, and is its CRI part enabled?",
        patience: Duration::from_secs(10),
    };
    HELLO.say(grpc, suite).await?.transcode_to().map_err(|error| {
        Stop::unreachable(format!("{}: a broken Version: {error}", grpc.endpoint()))
    })
}

/// The version of the API that a runtime is judged by, and where that comes from.
fn judged_by(suite: &Suite, told: Option<Version>, version: &VersionResponse) -> (Version, String) {
    if let Some(api) = told {
        return (api, "--api".to_owned());
    }
    let (name, release) = (&version.runtime_name, &version.runtime_version);
    let known = suite.runtimes.as_ref().and_then(|table| table.api_of(name, release));
    match known {
        Some(api) => (api, format!("runtimes.toml: {name} {release}")),
        // A younger rule must not accuse somebody who may be older.
        None => {
            let oldest = suite.versions.0.clone();
            let why = format!("{name} {release} is not in runtimes.toml; --api VERSION asks more");
            (oldest, why)
        }
    }
}
