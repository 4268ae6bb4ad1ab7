//! `stdcheck cri`: checks a container runtime.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand, builder::NonEmptyStringValueParser};
use prost_reflect::DynamicMessage;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    clean,
    common::{Stop, load_sound, print_line},
    image,
    list::{parse_api, parse_selectors},
    signals,
};
use crate::{
    drive::{
        clock::PendingClock,
        grpc::{Answer, Endpoint, Grpc, Outcome},
        registry::Certificate,
    },
    events::{CapabilityFact, Event, Header, TargetInfo},
    plan::{self, Plan, Wanted, waiver},
    proto::cri::v1::VersionResponse,
    report::{Gate, ReportSpec, Reports, Terminal},
    run::{self, Options, Run, workspace::Workspace},
    suite::{load::Suite, rpc, version::Version},
    verbs,
    verdict::exit,
};

/// Flags by which the user tells a capability; suites name them in `found_by.flag`.
pub const TELLING_FLAGS: &[&str] =
    &["runtime-handler", "port-mappings", "rejected-image", "pinned-image"];

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
    /// Only the checks that fit; repeated: one of them must fit
    #[arg(long, value_name = "EXPR", help_heading = "What is checked")]
    select: Vec<String>,
    /// Judge by this version of the API [default: by the runtime's name and version]
    #[arg(long, value_name = "VERSION", help_heading = "What is checked")]
    api: Option<String>,
    /// Take the suite from this folder instead of the built-in one
    #[arg(long, value_name = "DIR", help_heading = "What is checked")]
    suite: Option<PathBuf>,
    /// Show what would be run, without touching the runtime
    #[arg(long, help_heading = "What is checked")]
    dry_run: bool,
    /// Checks side by side
    #[arg(short = 'j', long, value_name = "N", default_value_t = 4, help_heading = "How it runs",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    jobs: usize,
    /// End at the first failure
    #[arg(long, help_heading = "How it runs")]
    fail_fast: bool,
    /// A step's deadline, where the suite names none
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    step_timeout: Duration,
    /// A check's time-out, where the suite names none
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    check_timeout: Duration,
    /// The whole run's time-out
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "How it runs")]
    timeout: Option<Duration>,
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
    /// Write a report: junit=FILE or json=FILE; may be repeated
    #[arg(long, value_name = "KIND=FILE", help_heading = "What it tells")]
    report: Vec<ReportSpec>,
    /// Write the exchanges of every finding into this folder
    #[arg(long, value_name = "DIR", help_heading = "What it tells")]
    log_dir: Option<PathBuf>,
    /// Warnings fail the run too
    #[arg(long, help_heading = "What it tells")]
    strict: bool,
    /// Exit with 5 where a MUST that applies was not checked
    #[arg(long, value_name = "partial", value_parser = ["partial"], help_heading = "What it tells")]
    deny: Option<String>,
    /// Findings that are accepted until a date
    #[arg(long, value_name = "FILE", help_heading = "What it tells")]
    waivers: Option<PathBuf>,
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
        let suite = load_sound(STANDARD, self.suite.as_ref())?;
        let mut wanted = Wanted {
            select: parse_selectors(&self.select)?,
            api: parse_api(self.api.as_ref())?,
            crash_allowed: self.allow_crash || self.restart_cmd.is_some(),
        };
        if let Some(api) = &wanted.api
            && (*api < suite.versions.0 || *api > suite.versions.1)
        {
            return Err(Stop::usage(format!(
                "--api {api}: the suite judges by {} to {}",
                suite.versions.0, suite.versions.1
            )));
        }
        let preview = plan::plan(&suite, &wanted).map_err(Stop::usage)?;
        if preview.checks.is_empty() && preview.invariants.is_empty() {
            return Err(Stop {
                message: "no check is selected; `stdcheck list cri` shows them all".to_owned(),
                code: exit::NOTHING_SELECTED,
            });
        }
        if self.dry_run {
            dry_run(&preview);
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
        let waivers = match &self.waivers {
            Some(path) => waiver::read(path).map_err(Stop::usage)?,
            None => Vec::new(),
        };
        // From the first file that is made on, a signal ends the run in order.
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop);
        let gate = Gate { strict: self.strict, deny_partial: self.deny.is_some() };
        let mut reports =
            Reports::open(&self.report, self.log_dir.as_deref(), gate).map_err(Stop::usage)?;
        reports.add(Terminal::stdout());
        let endpoint = endpoint(&suite, &self.endpoint)?;
        let options = Options {
            jobs: self.jobs,
            fail_fast: self.fail_fast,
            step_timeout: self.step_timeout,
            check_timeout: self.check_timeout,
            run_timeout: self.timeout,
            restart_cmd: self.restart_cmd.clone(),
            image: self.image.clone(),
            registry_listen: self.registry_listen,
            registry_certificate: self.certificate(),
            cni_conf_dir: self.cni_conf_dir.clone(),
            cni_bin_dir: self.cni_bin_dir.clone(),
            user: self.told(),
            waivers,
            replay: self.replay(&endpoint),
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
            let (events, mut received) = mpsc::unbounded_channel();
            let verbs = verbs::registry::of(STANDARD);
            let run = Run::new(&workspace, plan, options, grpc, clock, verbs, stop, events);
            let header = Header {
                standard: STANDARD.to_owned(),
                run_id: run.id.clone(),
                started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                command: std::env::args().collect(),
                target: TargetInfo {
                    endpoint: run.grpc.endpoint().to_string(),
                    name: version.runtime_name,
                    version: version.runtime_version,
                    api: api.to_string(),
                    api_from,
                    capabilities: Vec::new(),
                },
                selected: run.plan.checks.len() + run.plan.invariants.len(),
                touches: self.touches(&run),
                stdcheck: env!("CARGO_PKG_VERSION").to_owned(),
            };
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
            // The last event is the end. A run that failed itself has none: then its task has ended
            // and nothing is left to be read.
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
                    _ = &mut running, if !over => over = true,
                }
            }
            if run.needs_cleaning() {
                workspace.keep();
            } else {
                drop(workspace);
            }
            let (code, errors) = reports.finish();
            for error in errors {
                anstream::eprintln!("stdcheck: {error}");
            }
            Ok(code)
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
        flag("suite", path(&self.suite));
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
    const PATIENCE: Duration = Duration::from_secs(10);
    grpc.probe().await.map_err(Stop::unreachable)?;
    let method = rpc::find(&suite.package, "RuntimeService/Version").map_err(Stop::usage)?;
    let request = DynamicMessage::new(method.input());
    let answer = grpc.call(&method, &request, PATIENCE).await;
    let endpoint = grpc.endpoint();
    let Answer { outcome, code, message, reply, .. } = answer;
    let why = match (outcome, code) {
        (Outcome::Answered, tonic::Code::Ok) => {
            let reply = reply.map(|reply| reply.transcode_to::<VersionResponse>());
            return match reply {
                Some(Ok(version)) => Ok(version),
                _ => Err(Stop::unreachable(format!("{endpoint} gives no Version"))),
            };
        }
        (Outcome::Answered, tonic::Code::Unimplemented) => format!(
            "{endpoint} speaks gRPC, but not CRI v1 ({message}): is it a runtime's socket, and is \
             its CRI part enabled?"
        ),
        (Outcome::Answered, code) => {
            format!("{endpoint} refuses Version: {} {message}", rpc::code_name(code))
        }
        (Outcome::Cut, _) => {
            format!("{endpoint} takes the connection and answers nothing: is it a gRPC socket?")
        }
        (_, _) => format!("{endpoint} does not speak gRPC: {message}"),
    };
    Err(Stop::unreachable(why))
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

fn dry_run(plan: &Plan) {
    for planned in &plan.checks {
        let what = match &planned.skip {
            Some((kind, why)) => format!("skip ({kind}: {why})"),
            None if planned.check.needs.is_empty() => "run".to_owned(),
            None => format!("run if {}", planned.check.needs.join(", ")),
        };
        print_line(format!("{}  {what}", planned.check.id));
    }
    for invariant in &plan.invariants {
        print_line(format!("{}  watch", invariant.source.def.id.as_ref()));
    }
    let total = plan.checks.len() + plan.invariants.len();
    print_line(format!("{total} selected, judged by API {}; nothing was touched", plan.api));
}
