//! A driver that stdcheck starts itself, in a mount namespace of its own.

mod holder;
mod output;
mod process;
mod stragglers;

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use nix::{
    sys::{prctl::set_pdeathsig, signal::Signal},
    unistd::{Pid, getppid},
};
use tokio::net::UnixStream;

pub use output::Output;
pub use process::Ended;

use self::{holder::Holder, process::Process};

/// How long an asked driver may take to end before it is killed.
const POLITENESS: Duration = Duration::from_secs(2);
/// Between two looks for the socket.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// How long a socket's path may be.
const LONGEST_SOCKET: usize = 107;

/// How a driver is started.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// The program.
    pub program: PathBuf,
    /// Its arguments: `{endpoint}`, `{socket}` and `{state}` are replaced.
    pub args: Vec<String>,
    /// What `{endpoint}` and `CSI_ENDPOINT` are: `unix:///run/x/csi.sock`.
    pub endpoint: String,
    /// Whether `CSI_ENDPOINT` is set.
    pub tell_endpoint: bool,
    /// More of the environment.
    pub env: Vec<(String, String)>,
    /// What `{state}` is: a folder for it alone, made if it is not there.
    pub state: PathBuf,
    /// Where `NAME.stdout` and `NAME.stderr` are put.
    pub logs: PathBuf,
    /// That name.
    pub name: String,
    /// How much of each is kept.
    pub most_output: u64,
    /// How long it may take until its socket is there.
    pub patience: Duration,
}

impl LaunchOptions {
    /// With the usual limits.
    pub fn new(program: PathBuf, args: Vec<String>, socket: &Path, folder: &Path) -> LaunchOptions {
        LaunchOptions {
            program,
            args,
            endpoint: format!("unix://{}", socket.display()),
            tell_endpoint: true,
            env: Vec::new(),
            state: folder.join("state"),
            logs: folder.to_owned(),
            name: "driver".to_owned(),
            most_output: 64 * 1024 * 1024,
            patience: Duration::from_secs(30),
        }
    }

    /// The socket that the endpoint names, if it names one.
    pub fn socket(&self) -> Option<PathBuf> {
        let path = self.endpoint.strip_prefix("unix:").unwrap_or(&self.endpoint);
        let path = path.strip_prefix("//").unwrap_or(path);
        path.starts_with('/').then(|| PathBuf::from(path))
    }

    /// The same, if it is below our own folder: nothing else is touched.
    fn own_socket(&self) -> Option<PathBuf> {
        self.socket().filter(|socket| socket.starts_with(&self.logs))
    }
}

/// Why a driver does not run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// It could not be started at all.
    #[error("cannot start {program}: {why}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// It ended before its socket was there.
    #[error("the driver {0} before it listened on its endpoint")]
    Ended(Ended),
    /// Its socket is not there in time.
    #[error("the driver does not listen on {endpoint} after {seconds} s{said}")]
    Late {
        /// Where it should.
        endpoint: String,
        /// How long it had.
        seconds: u64,
        /// Its last lines.
        said: String,
    },
    /// It does not end.
    #[error("the driver (process {0}) does not end although it was killed")]
    Stays(i32),
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> String {
        trouble.to_string()
    }
}

/// A driver of ours. Dropping it ends the driver and its mount namespace.
#[derive(Debug)]
pub struct Launched {
    // The process goes before the thread that its namespace hangs on.
    process: Mutex<Option<Process>>,
    holder: Holder,
    /// It ends when a client goes.
    frail: AtomicBool,
    /// The connection by which a frail one was seen to listen.
    visitor: Mutex<Option<UnixStream>>,
    options: LaunchOptions,
    stdout: Output,
    stderr: Output,
}

impl Launched {
    /// Makes the namespace; nothing is started yet.
    ///
    /// # Errors
    /// If folders or files cannot be made.
    pub async fn new(options: LaunchOptions) -> Result<Launched, Trouble> {
        let told = |why: String| trouble(&options, why);
        let made =
            |path: &Path, error: io::Error| format!("cannot make {}: {error}", path.display());
        let own = options.own_socket();
        let beside = own.as_deref().and_then(Path::parent).unwrap_or(&options.logs);
        for folder in [&options.state, &options.logs, beside] {
            std::fs::create_dir_all(folder).map_err(|error| told(made(folder, error)))?;
        }
        let output = |kind: &str| {
            let path = options.logs.join(format!("{}.{kind}", options.name));
            Output::new(path.clone(), options.most_output).map_err(|error| told(made(&path, error)))
        };
        let (stdout, stderr) = (output("stdout")?, output("stderr")?);
        let holder = Holder::start().await.map_err(told)?;
        Ok(Launched {
            process: Mutex::new(None),
            holder,
            frail: AtomicBool::new(false),
            visitor: Mutex::new(None),
            options,
            stdout,
            stderr,
        })
    }

    /// Starts the driver and waits until it listens. One that runs already is left alone.
    ///
    /// # Errors
    /// Why it does not run. One that is late is ended.
    pub async fn start(&self) -> Result<(), Trouble> {
        if self.is_running() {
            return Ok(());
        }
        self.spawn().await?;
        let begun = self.await_socket().await;
        if matches!(begun, Err(Trouble::Late { .. })) {
            self.kill().await?;
        }
        begun
    }

    /// Starts the driver and waits for nothing.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn spawn(&self) -> Result<(), Trouble> {
        let told = |error: io::Error| trouble(&self.options, error.to_string());
        if let Some(socket) = self.options.own_socket() {
            if socket.as_os_str().len() > LONGEST_SOCKET {
                let why = format!("the path of its socket, {}, is too long", socket.display());
                return Err(trouble(&self.options, why));
            }
            // What a killed one left would look like it lived.
            let _ = std::fs::remove_file(socket);
        }
        let (stdout, out) = io::pipe().map_err(told)?;
        let (stderr, err) = io::pipe().map_err(told)?;
        let mut command = Command::new(&self.options.program);
        command
            .args(self.options.args.iter().map(|arg| self.filled(arg)))
            .envs(self.options.env.iter().map(|(name, value)| (name, self.filled(value))))
            .env_remove("CSI_ENDPOINT")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        if self.options.tell_endpoint {
            command.env("CSI_ENDPOINT", &self.options.endpoint);
        }
        let parent = Pid::this();
        // SAFETY: between fork and exec it makes two system calls and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                set_pdeathsig(Signal::SIGKILL)?;
                // We may have been killed before that took hold.
                if getppid() != parent { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
            });
        }
        let child = self.holder.spawn(command).await.map_err(told)?;
        self.stdout.drain(stdout).map_err(told)?;
        self.stderr.drain(stderr).map_err(told)?;
        let process = Process::watch(child, self.stdout.clone(), self.stderr.clone());
        let earlier = self.current().replace(process.map_err(told)?);
        drop(earlier);
        Ok(())
    }

    /// Waits until somebody listens on the socket.
    ///
    /// # Errors
    /// If the driver ends before, or time is up.
    pub async fn await_socket(&self) -> Result<(), Trouble> {
        if self.options.socket().is_none() {
            return Ok(());
        }
        let begin = Instant::now();
        loop {
            if let Some(ended) = self.has_ended() {
                return Err(Trouble::Ended(ended));
            }
            if let Some(visitor) = self.connect().await {
                if self.frail.load(Ordering::SeqCst) {
                    *self.visitor.lock().unwrap_or_else(PoisonError::into_inner) = Some(visitor);
                }
                return Ok(());
            }
            if begin.elapsed() >= self.options.patience {
                let said = self.stderr.last_lines();
                return Err(Trouble::Late {
                    endpoint: self.options.endpoint.clone(),
                    seconds: self.options.patience.as_secs(),
                    said: if said.is_empty() { said } else { format!("; it said: {said}") },
                });
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Whether somebody takes connections on its socket.
    pub async fn listens(&self) -> bool {
        self.connect().await.is_some()
    }

    async fn connect(&self) -> Option<UnixStream> {
        UnixStream::connect(self.options.socket()?).await.ok()
    }

    /// It was seen to end when a client goes: from now on the one that waits for its socket stays.
    pub fn set_frail(&self) {
        self.frail.store(true, Ordering::SeqCst);
    }

    /// Kills the driver's whole process group and waits until it is gone.
    ///
    /// # Errors
    /// If it does not go.
    pub async fn kill(&self) -> Result<(), Trouble> {
        let Some(process) = self.running() else { return Ok(()) };
        process.signal(Signal::SIGKILL);
        match process.ended_within(process::DYING).await {
            Some(_) => Ok(()),
            None => Err(Trouble::Stays(process.pid())),
        }
    }

    /// Asks the driver to end, and kills it if it does not.
    pub async fn stop(&self) {
        if let Some(process) = self.running() {
            process.signal(Signal::SIGTERM);
            if process.ended_within(POLITENESS).await.is_none() {
                process.signal(Signal::SIGKILL);
                process.ended_within(process::DYING).await;
            }
        }
        // Not at a restart: what serves a mount may have to outlive the driver.
        let thread = self.holder.thread;
        // It does not panic.
        let _ = tokio::task::spawn_blocking(move || stragglers::end_all(thread)).await;
    }

    /// Kills it and starts it again, with the same folders and mounts.
    ///
    /// # Errors
    /// Why it does not run.
    pub async fn restart(&self) -> Result<(), Trouble> {
        self.kill().await?;
        self.start().await
    }

    /// The driver's process, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.running().map(|process| process.pid())
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// How it ended, if it was started and did.
    pub fn has_ended(&self) -> Option<Ended> {
        self.current().as_ref().and_then(Process::ended)
    }

    /// Waits until it ends; none if it does not in time.
    pub async fn ended_within(&self, patience: Duration) -> Option<Ended> {
        let process = self.current().clone()?;
        process.ended_within(patience).await
    }

    /// Where it listens; empty if its endpoint is no socket.
    pub fn endpoint(&self) -> PathBuf {
        self.options.socket().unwrap_or_default()
    }

    /// The root of the driver's files; it stays when the driver dies.
    pub fn root(&self) -> PathBuf {
        self.of_holder("root")
    }

    /// Where the mounts of its namespace are told.
    pub fn mountinfo(&self) -> PathBuf {
        self.of_holder("mountinfo")
    }

    /// Why it has no mount namespace of its own, if it has none.
    pub fn shares_mounts(&self) -> Option<&str> {
        self.holder.shares.as_deref()
    }

    /// What it printed on standard output.
    pub fn stdout(&self) -> &Output {
        &self.stdout
    }

    /// And on standard error.
    pub fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// How it is started.
    pub fn options(&self) -> &LaunchOptions {
        &self.options
    }

    /// A thread of ours has an entry in /proc, although it is not listed there.
    fn of_holder(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.holder.thread))
    }

    fn filled(&self, arg: &str) -> String {
        let socket = self.options.socket().unwrap_or_default();
        arg.replace("{endpoint}", &self.options.endpoint)
            .replace("{socket}", &socket.display().to_string())
            .replace("{state}", &self.options.state.display().to_string())
    }

    fn running(&self) -> Option<Process> {
        self.current().as_ref().filter(|process| process.ended().is_none()).cloned()
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever drops it does so at the end of a run: its folders are removed next, so it is waited for.
impl Drop for Launched {
    fn drop(&mut self) {
        if let Some(process) = self.running() {
            process.signal(Signal::SIGKILL);
            process.await_end_blocking();
        }
        stragglers::end_all(self.holder.thread);
    }
}

fn trouble(options: &LaunchOptions, why: String) -> Trouble {
    Trouble::Start { program: options.program.display().to_string(), why }
}

#[cfg(test)]
mod tests;
