//! A stage: what a plugin takes for the machine. It has a network, mounts and processes of its own, and
//! nothing that happens on it touches the machine. When it ends, also because we were killed, the kernel
//! takes everything down.
//!
//! The stage is another process of this program ([`agent`]), which does what it is asked
//! ([`wire`]); this is the asking side.

pub mod agent;
mod connection;
mod user_namespace;
pub mod wire;

use std::{
    fs::File,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use tokio::{
    net::UnixStream,
    process::Command,
    sync::{mpsc, oneshot},
};

use connection::{Asked, Connection};
use wire::{
    Answer, Ask, Bytes, Changes, Connect, Connected, Daemon, Executed, Execution, FileOp, LinkOp,
    Measured, Ping, Pinged, Setup, Since, Stated, Stopped, Throughput, View,
};

pub use user_namespace::without_root;

/// The name under which this program plays a stage.
pub const NAME: &str = "stdcheck-stage";

/// Whether a program that was started as `argv0` plays a stage.
pub fn is_named(argv0: &std::ffi::OsStr) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == NAME)
}

/// How a stage is made.
#[derive(Clone, Debug, Default)]
pub struct StageOptions {
    /// The program that plays it; this one, if none is given.
    pub program: Option<PathBuf>,
    /// Which folders are empty on it.
    pub setup: Setup,
}

/// A stage that stands. It ends when this is dropped.
#[derive(Debug)]
pub struct Stage {
    asks: mpsc::UnboundedSender<Asked>,
    pid: u32,
    over: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// Makes a stage.
    ///
    /// # Errors
    /// If it cannot be made: the line says why.
    pub async fn start(options: &StageOptions) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("cannot start a stage: {error}");
        let own = Path::new("/proc/self/exe");
        let (ours, theirs) =
            std::os::unix::net::UnixStream::pair().map_err(|error| told(&error))?;
        ours.set_nonblocking(true).map_err(|error| told(&error))?;
        let output = memfd_create("stage", MFdFlags::MFD_CLOEXEC).map_err(|error| told(&error))?;
        let output = File::from(output);
        let child = Command::new(options.program.as_deref().unwrap_or(own))
            .arg0(NAME)
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(output.try_clone().map_err(|error| told(&error))?)
            .spawn()
            .map_err(|error| told(&error))?;
        let socket = UnixStream::from_std(ours).map_err(|error| told(&error))?;
        let pid = child.id().unwrap_or_default();
        let (asks, asked) = mpsc::unbounded_channel();
        let over = tokio::spawn(Connection { socket, child, output }.run(asked));
        let stage = Self { asks, pid, over };
        stage.done(Ask::Setup(options.setup.clone())).await?;
        Ok(stage)
    }

    /// The process that holds the stage.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks anything. Questions of several tasks are answered one after the other.
    ///
    /// # Errors
    /// If it cannot be done, or there is no stage any more.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, String> {
        let gone = || "the stage ended".to_owned();
        let (give, take) = oneshot::channel();
        self.asks.send((ask, give)).map_err(|_| gone())?;
        take.await.map_err(|_| gone())?
    }

    /// Ends the stage and waits until it is gone.
    pub async fn end(self) {
        drop(self.asks);
        // It cannot fail, and if it did, it would be over all the same.
        let _ = self.over.await;
    }

    async fn done(&self, ask: Ask) -> Result<(), String> {
        self.ask(ask).await.map(|_| ())
    }
}

/// A method for each question, so that answers have their types.
macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $of:ty = $ask:expr => $answer:pat => $value:expr;)*) => {
        impl Stage {
            $($(#[$doc])*
            ///
            /// # Errors
            /// If it cannot be done, or there is no stage any more.
            pub async fn $name(&self, $($arg: $type),*) -> Result<$of, String> {
                match self.ask($ask).await? {
                    $answer => Ok($value),
                    other => Err(format!("the stage answered something else: {other:?}")),
                }
            })*
        }
    };
}

questions! {
    /// Executes programs side by side.
    exec_all(executions: Vec<Execution>) -> Vec<Executed>
        = Ask::Exec(executions) => Answer::Executed(executed) => executed;
    /// Makes a network namespace at `/run/netns/NAME`.
    make_namespace(name: &str) -> ()
        = Ask::MakeNamespace { name: name.to_owned() } => Answer::Done => ();
    /// Takes it away.
    remove_namespace(name: &str) -> ()
        = Ask::RemoveNamespace { name: name.to_owned() } => Answer::Done => ();
    /// Takes it away and leaves its file.
    stale_namespace(name: &str) -> ()
        = Ask::StaleNamespace { name: name.to_owned() } => Answer::Done => ();
    /// Looks at a namespace, or the host.
    look(namespace: Option<&str>) -> View
        = Ask::Look { namespace: namespace.map(str::to_owned) } => Answer::View(view) => *view;
    /// Remembers the whole state.
    mark(label: &str) -> ()
        = Ask::Mark { label: label.to_owned() } => Answer::Done => ();
    /// What is different since then.
    since(label: &str) -> Changes
        = Ask::Since(Since { label: label.to_owned(), settle_ms: 0 })
        => Answer::Changes(changes) => changes;
    /// What is still different when it had this much time to come to rest.
    settled(label: &str, settle: Duration) -> Changes
        = Ask::Since(Since { label: label.to_owned(), settle_ms: millis(settle) })
        => Answer::Changes(changes) => changes;
    /// Changes a link, an address or a route.
    link(namespace: Option<&str>, op: LinkOp) -> ()
        = Ask::LinkOp { namespace: namespace.map(str::to_owned), op } => Answer::Done => ();
    /// Deletes all packet filter rules of the host.
    flush_rules() -> () = Ask::FlushRules => Answer::Done => ();
    /// What a file holds.
    read(path: &Path) -> Vec<u8>
        = Ask::File(FileOp::Read { path: path.to_owned() }) => Answer::Bytes(bytes) => bytes.0;
    /// Writes a file, with the folders that it needs.
    write(path: &Path, bytes: &[u8], mode: u32) -> ()
        = Ask::File(FileOp::Write { path: path.to_owned(), bytes: Bytes::from(bytes), mode })
        => Answer::Done => ();
    /// Removes a file, or a folder with all that is in it.
    remove(path: &Path) -> ()
        = Ask::File(FileOp::Remove { path: path.to_owned() }) => Answer::Done => ();
    /// All paths below a folder.
    list(folder: &Path) -> Vec<PathBuf>
        = Ask::File(FileOp::List { folder: folder.to_owned() }) => Answer::Paths(paths) => paths;
    /// What stands at a path.
    stat(path: &Path) -> Option<Stated>
        = Ask::File(FileOp::Stat { path: path.to_owned() }) => Answer::Stated(stated) => stated;
    /// Makes a folder with those above it.
    make_folder(path: &Path, mode: u32) -> ()
        = Ask::File(FileOp::MakeFolder { path: path.to_owned(), mode }) => Answer::Done => ();
    /// Reads a kernel setting, after writing it if there is a value.
    sysctl(namespace: Option<&str>, name: &str, value: Option<&str>) -> String
        = Ask::Sysctl {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            value: value.map(str::to_owned),
        } => Answer::Text(text) => text;
    /// Whether a connection comes through.
    connect(connect: Connect) -> Connected
        = Ask::Connect(connect) => Answer::Connected(connected) => connected;
    /// Whether an echo comes back.
    ping(ping: Ping) -> Pinged = Ask::Ping(ping) => Answer::Pinged(pinged) => pinged;
    /// How fast bytes come through.
    throughput(throughput: Throughput) -> Measured
        = Ask::Throughput(throughput) => Answer::Measured(measured) => measured;
    /// Makes the namespace `world` outside the host.
    world() -> () = Ask::World => Answer::Done => ();
    /// Starts a process that goes on.
    start_daemon(daemon: Daemon) -> u64 = Ask::StartDaemon(daemon) => Answer::Daemon { id } => id;
    /// Ends it.
    stop_daemon(id: u64) -> Stopped
        = Ask::StopDaemon { id } => Answer::Stopped(stopped) => stopped;
    /// Whether something stands at the path in time.
    await_path(path: &Path, patience: Duration) -> bool
        = Ask::AwaitPath { path: path.to_owned(), timeout_ms: millis(patience) }
        => Answer::Appeared(appeared) => appeared;
}

impl Stage {
    /// Executes one program.
    ///
    /// # Errors
    /// If there is no stage any more. What became of the program is in the answer.
    pub async fn exec(&self, execution: Execution) -> Result<Executed, String> {
        let done = self.exec_all(vec![execution]).await?.pop();
        done.ok_or_else(|| "the stage answered nothing".to_owned())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
