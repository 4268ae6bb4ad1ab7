//! Checks one plugin.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    OwnArgs, STANDARD, find,
    known::{self, Stranger},
};
use crate::{
    cli::{
        carry_out::{self, carry_out},
        common::Stop,
        cri::runtime,
        run_args::{self, CheckArgs},
        signals,
    },
    delegate, dhcp_server,
    drive::{Drive, clock::PendingClock, exec::Plugin},
    events::TargetInfo,
    plan::{Claimed, waiver::Waiver},
    profile::Kind,
    report::{Finished, Reports, Terminal},
    run::{Options, Run, workspace::Workspace},
    stage::{self, StageOptions, wire::Setup},
    suite::{load::Suite, version::Version},
    verbs,
    verdict::exit,
};

/// A step's deadline, where neither the suite nor the user names one: programs of 20 ms.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// The first version that knows `prevResult`.
const CHAINS_SINCE: &str = "0.3.0";
/// Where every runtime and plugin keeps state.
const STATE_FOLDERS: [&str; 3] = ["/run/netns", "/run/cni", "/var/lib/cni"];

/// Checks the plugin that the user names.
pub fn check(
    suite: &Arc<Suite>,
    named: &str,
    own: &OwnArgs,
    args: &CheckArgs,
    begun: Instant,
) -> Result<i32, Stop> {
    let path = find::plugin(suite, named)?;
    before_threads()?;
    let runtime = runtime()?;
    let stop = CancellationToken::new();
    signals::listen(&runtime, &stop, signals::NOTHING_LEFT);
    let (waivers, mut reports) = args.open()?;
    reports.add(Terminal::stdout());
    let finished = runtime.block_on(async {
        let session = Session { suite, own, args, waivers, stop: &stop };
        session.check(&path, reports, begun).await
    })?;
    Ok(finished.map_or(exit::OK, |finished| finished.exit_code))
}

/// Namespaces need root, or a user namespace, which only a process of one thread can enter.
pub fn before_threads() -> Result<(), Stop> {
    if nix::unistd::Uid::effective().is_root() {
        return Ok(());
    }
    stage::without_root().map_err(Stop::usage)
}

/// What all checked plugins share.
pub struct Session<'a> {
    /// The suite.
    pub suite: &'a Arc<Suite>,
    /// Flags of this command.
    pub own: &'a OwnArgs,
    /// Flags of all checking commands.
    pub args: &'a CheckArgs,
    /// Findings that are accepted.
    pub waivers: Vec<Waiver>,
    /// Cancelled by a signal.
    pub stop: &'a CancellationToken,
}

impl Session<'_> {
    /// Checks a plugin; nothing comes of a dry run.
    pub async fn check(
        &self,
        path: &Path,
        reports: Reports,
        begun: Instant,
    ) -> Result<Option<Finished>, Stop> {
        let name = find::name(path);
        let clock = PendingClock::default();
        let workspace = Workspace::new(begun, &path.display().to_string()).map_err(Stop::usage)?;
        let helpers = helpers(&workspace.dir)
            .map_err(|error| Stop::usage(format!("cannot make the delegate: {error}")))?;
        let plugin = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Stop::interrupted()),
            plugin = self.know(path, &name, helpers, clock.clone()) => plugin?,
        };
        let mut wanted = self.args.wanted(self.suite, None)?;
        let claimed = plugin.claimed.clone();
        wanted.claimed = Some(Claimed { versions: claimed.clone(), every: self.own.every_version });
        let plan = run_args::plan(self.suite, &wanted)?;
        if self.args.dry_run {
            run_args::dry_run(&plan);
            return Ok(None);
        }
        let target = TargetInfo {
            endpoint: path.display().to_string(),
            name: name.clone(),
            version: String::new(),
            api: list(&claimed),
            api_from: format!("its VERSION; {}", plugin.profile.title),
            capabilities: Vec::new(),
        };
        let touches = touches(&workspace.dir);
        let (events, received) = mpsc::unbounded_channel();
        let run = Run::new(
            &workspace,
            plan,
            self.options(path),
            Drive::Exec(Arc::new(plugin)),
            clock,
            verbs::registry::of(STANDARD),
            self.stop.clone(),
            events,
        );
        let header = carry_out::header(&run, target, touches);
        Ok(Some(carry_out(&run, header, received, reports, workspace).await))
    }

    /// Finds out what has to be known before a plan can be made.
    async fn know(
        &self,
        path: &Path,
        name: &str,
        helpers: PathBuf,
        clock: PendingClock,
    ) -> Result<Plugin, Stop> {
        let mut profile = known::profile(self.own, name)?;
        let mut state_folders: Vec<PathBuf> = STATE_FOLDERS.iter().map(PathBuf::from).collect();
        state_folders.extend(profile.state_folders.iter().chain(&self.own.state_dir).cloned());
        let scratch_folders = vec![PathBuf::from(delegate::FOLDER)];
        let setup = Setup { state_folders, scratch_folders };
        let stage = StageOptions { setup, ..StageOptions::default() };
        let mut search: Vec<PathBuf> = path.parent().map(Path::to_owned).into_iter().collect();
        search.extend(self.own.cni_path.iter().cloned());
        search.push(helpers.clone());
        let folders: Vec<String> = search.iter().map(|dir| dir.display().to_string()).collect();
        let stranger = Stranger { path, search: folders.join(":"), options: &stage };
        let all = {
            let _pending = clock.start();
            stranger.claimed().await?
        };
        if profile.kind == Kind::Unknown {
            let newest = all.last().cloned().unwrap_or_default();
            let kind = stranger.kind(&profile, &newest).await?;
            profile = known::with_kind(profile, kind);
        }
        let claimed = self.tried(name, &profile.kind, all)?;
        Ok(Plugin {
            path: path.to_owned(),
            name: name.to_owned(),
            search,
            helpers,
            profile,
            claimed,
            stage,
            clock,
        })
    }

    /// The claimed versions that are tried.
    fn tried(&self, name: &str, kind: &Kind, all: Vec<Version>) -> Result<Vec<Version>, Stop> {
        let chains: Option<Version> = CHAINS_SINCE.parse().ok();
        let listed = list(&all);
        let tried: Vec<Version> = all
            .into_iter()
            .filter(|version| self.own.spec.is_empty() || self.own.spec.contains(version))
            .filter(|version| *kind != Kind::Chained || Some(version) >= chains.as_ref())
            .collect();
        if tried.is_empty() {
            return Err(Stop::usage(format!(
                "nothing to try: {name} claims {listed}, --spec leaves none of them"
            )));
        }
        Ok(tried)
    }

    fn options(&self, path: &Path) -> Options {
        Options {
            jobs: self.args.jobs,
            fail_fast: self.args.fail_fast,
            step_timeout: self.args.step_timeout.unwrap_or(STEP_TIMEOUT),
            check_timeout: self.args.check_timeout,
            run_timeout: self.args.timeout,
            waivers: self.waivers.clone(),
            replay: self.replay(path),
            user: BTreeMap::new(),
            ..Options::quiet(STEP_TIMEOUT)
        }
    }

    fn replay(&self, path: &Path) -> String {
        let mut words = vec!["stdcheck".to_owned(), STANDARD.to_owned()];
        words.push(path.display().to_string());
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name}"));
                words.push(value);
            }
        };
        let text = |path: &PathBuf| path.display().to_string();
        flag("config", self.own.config.as_ref().map(text));
        flag("profile", self.own.profile.as_ref().map(text));
        flag("kind", self.own.kind.map(|kind| kind.to_string()));
        flag("suite", self.args.suite.as_ref().map(text));
        for folder in &self.own.cni_path {
            flag("cni-path", Some(text(folder)));
        }
        for folder in &self.own.state_dir {
            flag("state-dir", Some(text(folder)));
        }
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }
}

fn list(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    texts.join(", ")
}

/// A folder for CNI_PATH in which this program is the recording delegate, and a DHCP server.
fn helpers(dir: &Path) -> io::Result<PathBuf> {
    let folder = dir.join("bin");
    std::fs::create_dir_all(&folder)?;
    let own = std::env::current_exe()?;
    for name in [delegate::NAME, dhcp_server::NAME] {
        std::os::unix::fs::symlink(&own, folder.join(name))?;
    }
    Ok(folder)
}

/// What the run makes or touches.
fn touches(dir: &Path) -> Vec<String> {
    vec![
        format!("files in {}, removed at the end", dir.display()),
        "nothing else: the plugin is executed in network, mount and process namespaces of stdcheck's \
         own, with empty state folders; they end with each check"
            .to_owned(),
    ]
}
