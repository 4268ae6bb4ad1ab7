//! Executes a plan: the only part that does anything. It emits events and is told nothing back.

mod base;
mod beside;
pub mod check;
pub mod discover;
pub mod evidence;
pub mod exec;
pub mod halt;
mod hidden;
pub mod host;
pub mod invariants;
pub mod journal;
pub mod lane;
mod request;
mod schedule;
pub mod seen;
pub mod sent;
pub mod situation;
pub mod step;
mod sweep;
pub mod target;
mod teller;
pub mod undo;
pub mod wire_faults;
pub mod workspace;

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use prost_reflect::MessageDescriptor;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::{
    drive::{
        Drive,
        clock::PendingClock,
        csi::Driver,
        registry::{Certificate, Registry},
    },
    events::{CheckResult, Event},
    image::GUEST_HOST,
    plan::{Plan, waiver::Waiver},
    suite::{
        expr::{Scope, Value, value},
        version::Version,
    },
    verbs::Verb,
};

pub use schedule::execute;
pub use sweep::sweep;

/// How a target is brought back.
#[derive(Clone, Debug)]
pub enum Restart {
    /// A command of the user's, run by `sh -c`.
    Command(String),
    /// We started it ourselves: killed and started again.
    Own(Arc<Driver>),
}

/// Finds names out that every later step sees. What it makes on the target is undone.
pub type Learn = for<'a> fn(&'a mut lane::Lane) -> Pin<Box<dyn Future<Output = Scope> + Send + 'a>>;

/// What the user told about how to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Checks side by side.
    pub jobs: usize,
    /// End at the first failure.
    pub fail_fast: bool,
    /// A step's deadline, where it names none.
    pub step_timeout: Duration,
    /// A check's, where it names none.
    pub check_timeout: Duration,
    /// The run's; none: as long as it takes.
    pub run_timeout: Option<Duration>,
    /// How the target is brought back when it has died, or where a check restarts it.
    pub restart: Option<Restart>,
    /// The user's own image in place of ours.
    pub image: Option<String>,
    /// Where our registry listens, if not on loopback of the target's network namespace.
    pub registry_listen: Option<SocketAddr>,
    /// With it our registry speaks https.
    pub registry_certificate: Option<Certificate>,
    /// The target's CNI configuration folder.
    pub cni_conf_dir: Option<PathBuf>,
    /// The target's CNI plugin folder.
    pub cni_bin_dir: Option<PathBuf>,
    /// Flags by which the user tells capabilities, with their values.
    pub user: BTreeMap<String, String>,
    /// What every step sees beside the usual names, told by the user.
    pub names: Scope,
    /// Finds more of these out, before anything else is asked.
    pub learn: Option<Learn>,
    /// A storage driver and its node.
    pub driver: Option<Arc<Driver>>,
    /// Findings that are accepted.
    pub waivers: Vec<Waiver>,
    /// The beginning of a command line that runs the same target again.
    pub replay: String,
    /// Its end, after what selects a check: `-- ARGUMENTS`, with a space before it.
    pub replay_end: String,
}

impl Options {
    /// For a command that only takes away: no flags, one deadline.
    pub fn quiet(patience: Duration) -> Options {
        Options {
            jobs: 1,
            fail_fast: false,
            step_timeout: patience,
            check_timeout: patience,
            run_timeout: None,
            restart: None,
            image: None,
            registry_listen: None,
            registry_certificate: None,
            cni_conf_dir: None,
            cni_bin_dir: None,
            user: BTreeMap::new(),
            names: Scope::new(),
            learn: None,
            driver: None,
            waivers: Vec::new(),
            replay: String::new(),
            replay_end: String::new(),
        }
    }

    /// Whether the image that checks use holds our guest program.
    pub fn has_guest(&self) -> bool {
        self.image.as_ref().is_none_or(|image| image.starts_with(GUEST_HOST))
    }
}

/// One run and everything that its checks share.
pub struct Run {
    /// Lower-case hexadecimal; every object that we make carries it.
    pub id: String,
    /// A folder of ours on this host, which the target may see.
    pub dir: PathBuf,
    /// When it began.
    pub begun: Instant,
    /// The same on the wall clock.
    pub begun_at: SystemTime,
    /// What is run.
    pub plan: Plan,
    /// How.
    pub options: Options,
    /// The target.
    pub drive: Drive,
    /// How long we waited for it.
    pub clock: PendingClock,
    /// Our image registry, from the first check that needs an image.
    pub registry: tokio::sync::OnceCell<Registry>,
    /// What the standard can do and see beyond its rpcs.
    pub verbs: &'static [Verb],
    /// Checks on all traffic.
    pub invariants: invariants::Invariants,
    /// Takes secrets out of evidence.
    pub redactor: Arc<evidence::Redactor>,
    /// Situations that checks share.
    pub shared: situation::Shared,
    /// Cancelled by Ctrl-C, SIGTERM or the run's time-out.
    pub stop: CancellationToken,
    /// Looks at calls and emits events, beside the checks.
    teller: teller::Teller,
    /// What [`Options::learn`] found out.
    learned: OnceLock<Scope>,
    /// What every step sees, once it is known.
    names: OnceLock<Scope>,
    /// Base requests, once that is known.
    bases: base::Bases,
    /// What was made, for `clean` after a killed run.
    pub journal: journal::Journal,
    /// Why the run was stopped, where it was not by a signal.
    stopped_by: OnceLock<String>,
    /// The target is gone for good.
    gone: AtomicBool,
    /// Held while the target is being restarted.
    restarting: Arc<tokio::sync::Mutex<()>>,
    /// Why the last restart failed, if it did.
    restart_failed: Mutex<Option<String>>,
    /// The last sweep failed.
    uncleaned: AtomicBool,
    unique: AtomicU64,
    /// How often an execution that is no test had to be killed.
    hangs: AtomicUsize,
    /// Lanes of checks under which the target died: undone when it is back.
    left: Mutex<Vec<lane::Lane>>,
    /// What is being put back while checks go on.
    beside: beside::Beside,
}

impl Run {
    /// A run that has not begun. `workspace` gives its id and folder.
    #[expect(clippy::too_many_arguments, reason = "called once, and each is another thing")]
    pub fn new(
        workspace: &workspace::Workspace,
        plan: Plan,
        options: Options,
        drive: Drive,
        clock: PendingClock,
        verbs: &'static [Verb],
        stop: CancellationToken,
        events: UnboundedSender<Event>,
    ) -> Arc<Run> {
        let redactor = Arc::new(evidence::Redactor::default());
        let invariants = invariants::Invariants::new(&plan);
        let look = invariants.looker(redactor.clone());
        let teller = teller::Teller::new(look, redactor.clone(), events);
        Arc::new(Run {
            id: workspace.id.clone(),
            dir: workspace.dir.clone(),
            begun: workspace.begun,
            begun_at: SystemTime::now(),
            plan,
            options,
            drive,
            clock,
            registry: tokio::sync::OnceCell::new(),
            verbs,
            invariants,
            redactor,
            shared: situation::Shared::default(),
            stop,
            teller,
            learned: OnceLock::new(),
            names: OnceLock::new(),
            bases: base::Bases::default(),
            journal: journal::Journal::in_folder(&workspace.dir),
            stopped_by: OnceLock::new(),
            gone: AtomicBool::new(false),
            restarting: Arc::default(),
            restart_failed: Mutex::default(),
            uncleaned: AtomicBool::new(false),
            unique: AtomicU64::new(0),
            hangs: AtomicUsize::new(0),
            left: Mutex::default(),
            beside: beside::Beside::default(),
        })
    }

    /// Emits an event, after those before it; soon, or at once after [`Run::settle`].
    pub fn tell(&self, event: Event) {
        self.teller.tell(event, Vec::new());
    }

    /// Emits the result of a check, with its exchanges.
    fn tell_result(&self, result: CheckResult, evidence: Vec<seen::Evidence>) {
        self.teller.tell(Event::CheckFinished(Box::new(result)), evidence);
    }

    /// Waits until every event so far was emitted.
    pub fn settle(&self) {
        self.teller.settle();
    }

    /// The Kubernetes namespace, or what stands for it, of everything that this run makes.
    pub fn namespace(&self) -> String {
        format!("stdcheck-{}", self.id)
    }

    /// A name that nobody else has.
    pub fn unique(&self) -> String {
        let number = self.unique.fetch_add(1, Ordering::Relaxed);
        format!("stdcheck-{}-{number}", self.id)
    }

    /// The names that every step sees; see [`crate::suite::names::everywhere`].
    pub fn names(&self) -> Scope {
        let mut names = match self.learned.get() {
            Some(_) => self.names.get_or_init(|| self.same_names()).clone(),
            // More of them are being found out.
            None => self.same_names(),
        };
        names.insert("unique".to_owned(), Value::from(self.unique()));
        names
    }

    /// Those that do not change.
    fn same_names(&self) -> Scope {
        let run = value::map([
            ("id", Value::from(self.id.as_str())),
            ("namespace", Value::from(self.namespace())),
            ("dir", Value::from(self.dir.display().to_string())),
            ("started_at", Value::Int(lane::nanos(self.begun_at))),
        ]);
        let user = value::map(
            self.options
                .user
                .iter()
                .map(|(flag, told)| (flag.as_str(), Value::from(told.as_str()))),
        );
        let mut names = self.options.names.clone();
        names.extend(self.learned.get().cloned().unwrap_or_default());
        names.extend([("run".to_owned(), run), ("user".to_owned(), user)]);
        names
    }

    /// The base request of an rpc in two parts, if it has one that can be made.
    fn base(&self, rpc: &str, message: &MessageDescriptor) -> Option<Arc<base::Base>> {
        self.learned.get()?;
        let tree = &self.plan.suite.requests.get(rpc)?.def.1;
        let same = self.names.get_or_init(|| self.same_names());
        self.bases.of(rpc, message, tree.as_ref(), same)
    }

    /// Lets [`Options::learn`] do its part; says what of it could not be taken back.
    async fn learn(self: &Arc<Self>) {
        let mut learned = Scope::new();
        if let Some(learn) = self.options.learn {
            let mut lane = lane::Lane::new(self, "discovery");
            learned = learn(&mut lane).await;
            undo::all(&mut lane).await;
        }
        // Nobody else sets it.
        let _ = self.learned.set(learned);
    }

    /// What steps see beside them where the target is a plugin: the version that they run at, the
    /// plugin, and nothing; see [`crate::suite::names::of_plugin`].
    pub fn names_at(&self, api: &Version) -> Scope {
        let Some(plugin) = self.drive.plugin() else { return Scope::new() };
        let claimed: Vec<String> = plugin.claimed.iter().map(Version::to_string).collect();
        let folder = |path: Option<&std::path::Path>| {
            Value::from(path.unwrap_or(std::path::Path::new("/")).display().to_string())
        };
        let about = value::map([
            ("name", Value::from(plugin.name.as_str())),
            ("path", folder(Some(&plugin.path))),
            ("dir", folder(plugin.path.parent())),
            ("search", Value::from(plugin.search_path())),
            ("claimed", Value::from(claimed)),
            ("config", value::from_json(&serde_json::Value::Object(plugin.config()))),
        ]);
        Scope::from([
            ("version".to_owned(), Value::from(api.to_string())),
            ("plugin".to_owned(), about),
            ("nothing".to_owned(), Value::Null),
        ])
    }

    /// The command line that runs one check again.
    pub fn replay(&self, id: &str) -> String {
        let Options { replay, replay_end, .. } = &self.options;
        // A shared situation, discovery: no check alone does that again.
        if !id.contains('.') || id.contains(' ') {
            return format!("{replay}{replay_end}");
        }
        format!("{replay} --select 'slug:{id}'{replay_end}")
    }

    /// Whether the target is gone for good.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Ends the run in order before its last check, for another reason than a signal.
    fn stop_because(&self, why: String) {
        // The first reason is the one to tell, and a signal is one.
        if !self.stop.is_cancelled() {
            let _ = self.stopped_by.set(why);
            self.stop.cancel();
        }
    }

    /// A plugin hung where nothing is tested. Where it does so again and again, the rest of the run
    /// would be spent waiting.
    fn hung(&self, command: &str) {
        const OFTEN_ENOUGH: usize = 5;
        if self.hangs.fetch_add(1, Ordering::Relaxed) + 1 == OFTEN_ENOUGH {
            self.stop_because(format!("{command} does not end, {OFTEN_ENOUGH} times by now"));
        }
    }

    /// Why checks that did not come to their end were stopped.
    pub fn stopped_by(&self) -> &str {
        self.stopped_by.get().map_or("interrupted", String::as_str)
    }

    /// Whether something of ours may be left, so that `clean` has to find this run again.
    pub fn needs_cleaning(&self) -> bool {
        self.is_gone() || self.uncleaned.load(Ordering::SeqCst)
    }

    /// Something of ours may be left.
    pub(crate) fn set_uncleaned(&self) {
        self.uncleaned.store(true, Ordering::SeqCst);
    }

    fn set_gone(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    fn set_restart_failed(&self, why: Option<String>) {
        *self.restart_failed.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Of a target that is dead: whether a restart that failed did it, and why it failed. It is the
    /// command's doing then, and no check's; the run ends.
    fn lost_in_restart(&self) -> Option<String> {
        let failed = self.restart_failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why = failed?;
        self.set_gone();
        self.stop_because(format!("the target is gone: {why}"));
        Some(why)
    }

    /// Keeps a lane whose target died, to be undone when it is back.
    pub(crate) fn leave(&self, lane: lane::Lane) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
    }

    /// What stays undone for good, at the end of a run.
    fn take_what_was_left(&self) -> Vec<lane::Lane> {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says how the target died, if it did: what did it is given up, and the rest is kept until it is
    /// back. Nothing else may be under way.
    async fn undo_what_was_left(&self) -> Option<String> {
        let mut lanes = self.take_what_was_left().into_iter();
        let mut died = None;
        while let Some(mut lane) = lanes.next() {
            died = died.or(undo::all(&mut lane).await);
            if let Some(how) = &died
                && !self.is_gone()
            {
                undo::give_up_next(&mut lane, how);
                // What is in a lane that ends is left once more.
                lanes.for_each(drop);
                break;
            }
        }
        died
    }
}
