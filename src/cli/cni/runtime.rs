//! Checks what a container runtime owes to the plugins that it executes, seen from plugins of ours.

use std::{path::PathBuf, time::Instant};

use clap::builder::NonEmptyStringValueParser;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        carry_out::{self, carry_out},
        common::Stop,
        cri::{self, runtime, version},
        run_args::{self, CheckArgs},
        signals,
    },
    drive::{
        Drive,
        clock::PendingClock,
        grpc::{Endpoint, Grpc},
    },
    events::TargetInfo,
    plan::{self, Claimed},
    proto::cri::v1::VersionResponse,
    report::Terminal,
    run::{Options, Restart, Run, workspace::Workspace},
    suite::{load::Suite, version::Version},
    verbs,
    verdict::exit,
};

/// The standard of this half: the specification is one, but its other side is another target.
const STANDARD: &str = "cni-runtime";

/// Before the socket: the interface by which the runtime is made to execute plugins.
const SCHEME: &str = "cri:";

/// Flags of runtimes.
#[derive(Clone, Debug, clap::Args)]
pub struct RuntimeArgs {
    /// Check a container runtime instead: cri:SOCKET, of a runtime that was started for the purpose
    #[arg(
        long,
        value_name = "cri:SOCKET",
        value_parser = NonEmptyStringValueParser::new(),
        requires = "cni_conf_dir",
        requires = "cni_bin_dir",
        conflicts_with_all = ["all", "config", "profile", "kind", "cni_path", "state_dir", "every_version"],
        help_heading = "What the runtime has"
    )]
    pub runtime: Option<String>,
    /// The runtime's CNI configuration folder: recording plugins stand in it during the checks, and it
    /// is put back
    #[arg(long, value_name = "DIR", requires = "runtime", conflicts_with_all = ["plugin", "all"], help_heading = "What the runtime has")]
    cni_conf_dir: Option<PathBuf>,
    /// The runtime's CNI plugin folder, where recording plugins are put during the checks
    #[arg(long, value_name = "DIR", requires = "runtime", conflicts_with_all = ["plugin", "all"], help_heading = "What the runtime has")]
    cni_bin_dir: Option<PathBuf>,
    /// How to restart the runtime: then checks may restart it, and run what may kill it
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new(), requires = "runtime", conflicts_with_all = ["plugin", "all"], help_heading = "What the runtime has")]
    restart_cmd: Option<String>,
    /// Run checks that may kill the runtime, even without --restart-cmd
    #[arg(long, requires = "runtime", conflicts_with_all = ["plugin", "all"], help_heading = "What the runtime has")]
    allow_crash: bool,
}

/// One check of a runtime.
pub struct Session<'a> {
    /// Flags of runtimes.
    pub own: &'a RuntimeArgs,
    /// The versions of the specification that the user names.
    pub spec: &'a [Version],
    /// Flags of all checking commands.
    pub args: &'a CheckArgs,
}

impl Session<'_> {
    /// Checks the runtime at `named`.
    pub fn check(&self, named: &str, begun: Instant) -> Result<i32, Stop> {
        let endpoint = endpoint(named)?;
        let suite = self.args.load(STANDARD)?;
        let mut wanted = self.args.wanted(&suite, None)?;
        wanted.crash_allowed = self.own.allow_crash || self.own.restart_cmd.is_some();
        self.spec_is_known(&suite)?;
        self.judge_by_spec(&mut wanted);
        let preview = run_args::plan(&suite, &wanted)?;
        if self.args.dry_run {
            run_args::dry_run(&preview);
            return Ok(exit::OK);
        }
        self.folders_are_there()?;
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CRI);
        let (waivers, mut reports) = self.args.open()?;
        reports.add(Terminal::stdout());
        let options = Options {
            jobs: self.args.jobs,
            fail_fast: self.args.fail_fast,
            run_timeout: self.args.timeout,
            check_timeout: self.args.check_timeout,
            restart: self.own.restart_cmd.clone().map(Restart::Command),
            cni_conf_dir: self.own.cni_conf_dir.clone(),
            cni_bin_dir: self.own.cni_bin_dir.clone(),
            waivers,
            replay: self.replay(named),
            ..Options::quiet(self.args.step_timeout.unwrap_or(cri::STEP_TIMEOUT))
        };
        runtime.block_on(async {
            let clock = PendingClock::default();
            let grpc = Grpc::new(endpoint, clock.clone());
            let version = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Stop::interrupted()),
                version = version(&grpc, &suite) => version?,
            };
            let (api, api_from) = self.judged_by(&suite, &version);
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
                api: self.judging(&api),
                api_from,
                capabilities: Vec::new(),
            };
            let header = carry_out::header(&run, target, self.touches(&run));
            let finished = carry_out(&run, header, received, reports, workspace).await;
            Ok(finished.exit_code)
        })
    }

    fn spec_is_known(&self, suite: &Suite) -> Result<(), Stop> {
        let (oldest, newest) = &suite.versions;
        match self.spec.iter().find(|spec| *spec < oldest || *spec > newest) {
            Some(spec) => Err(Stop::usage(format!(
                "--spec {spec}: runtimes are judged by {oldest} to {newest}"
            ))),
            None => Ok(()),
        }
    }

    /// By one version as by the runtime's own; by several as a plugin by all that it claims.
    fn judge_by_spec(&self, wanted: &mut plan::Wanted) {
        wanted.api = self.spec.first().cloned();
        if self.spec.len() > 1 {
            let mut versions = self.spec.to_vec();
            versions.sort();
            wanted.claimed = Some(Claimed { versions, every: false });
        }
    }

    /// The version that a runtime is judged by where the user names none, and where that comes from.
    fn judged_by(&self, suite: &Suite, version: &VersionResponse) -> (Version, String) {
        if let Some(spec) = self.spec.first() {
            return (spec.clone(), "--spec".to_owned());
        }
        let (name, release) = (&version.runtime_name, &version.runtime_version);
        let known = suite.runtimes.as_ref().and_then(|table| table.api_of(name, release));
        match known {
            Some(api) => (api, format!("runtimes.toml: {name} {release}")),
            None => {
                let newest = suite.versions.1.clone();
                let why = format!(
                    "{name} {release} is not in runtimes.toml; --spec VERSION names another"
                );
                (newest, why)
            }
        }
    }

    fn judging(&self, api: &Version) -> String {
        if self.spec.len() > 1 {
            let texts: Vec<String> = self.spec.iter().map(Version::to_string).collect();
            texts.join(", ")
        } else {
            api.to_string()
        }
    }

    fn folders_are_there(&self) -> Result<(), Stop> {
        let given =
            [("cni-conf-dir", &self.own.cni_conf_dir), ("cni-bin-dir", &self.own.cni_bin_dir)];
        for (flag, folder) in given {
            if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
                let folder = folder.display();
                return Err(Stop::usage(format!("--{flag} {folder}: there is no such folder")));
            }
        }
        Ok(())
    }

    /// The beginning of a command line that checks the same target in the same way.
    fn replay(&self, named: &str) -> String {
        let mut words = ["stdcheck", "cni"].map(str::to_owned).to_vec();
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name}"));
                words.push(value);
            }
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        flag("runtime", Some(named.to_owned()));
        flag("cni-conf-dir", path(&self.own.cni_conf_dir));
        flag("cni-bin-dir", path(&self.own.cni_bin_dir));
        flag("restart-cmd", self.own.restart_cmd.clone());
        flag("suite", path(&self.args.suite));
        for spec in self.spec {
            flag("spec", Some(spec.to_string()));
        }
        if self.own.allow_crash {
            words.push("--allow-crash".to_owned());
        }
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }

    /// What the run will make or touch, before it does.
    fn touches(&self, run: &Run) -> Vec<String> {
        let mut touches = vec![
            format!("pod sandboxes in the namespace {}, removed at the end", run.namespace()),
            format!("files in {}, removed at the end", run.dir.display()),
        ];
        if let (Some(conf), Some(bin)) = (&self.own.cni_conf_dir, &self.own.cni_bin_dir) {
            touches.push(format!(
                "the network configuration in {}: moved away during the checks, and put back; plugins \
                 of ours in {}, removed again",
                conf.display(),
                bin.display()
            ));
        }
        if self.own.restart_cmd.is_some() || self.own.allow_crash {
            touches.push(
                "results that a CNI library keeps for those pods in /var/lib/cni/results: removed where \
                 the runtime died over them"
                    .to_owned(),
            );
        }
        if let Some(command) = &self.own.restart_cmd {
            touches.push(format!("the runtime itself: restarted with `{command}`"));
        } else if self.own.allow_crash {
            touches.push("the runtime itself: some checks may kill it".to_owned());
        }
        touches
    }
}

/// The endpoint behind the scheme.
fn endpoint(named: &str) -> Result<Endpoint, Stop> {
    let Some(socket) = named.strip_prefix(SCHEME) else {
        return Err(Stop::usage(format!(
            "--runtime {named}: write {SCHEME}SOCKET; CRI is how a runtime is made to execute plugins"
        )));
    };
    socket.parse().map_err(|error| Stop::usage(format!("--runtime {named}: {error}")))
}
