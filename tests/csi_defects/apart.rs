//! The reference driver as two processes with one state: a controller and a node, as they are in a
//! cluster. stdcheck starts one driver only, so these are started here.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, killpg},
    },
    unistd::Pid,
};

use crate::{
    double::rule::{self, End},
    harness::Bench,
    program::Program,
    proxy::listens,
};

/// Both, until they are dropped.
pub struct Apart {
    controller: Instance,
    node: Instance,
}

impl Apart {
    /// Starts them; when this returns, they serve.
    pub fn start(bench: &Bench, program: &Program, how: &rule::Apart) -> Apart {
        let start = |end: End, name: &str, more: &[String]| {
            let socket = bench.file(&format!("{name}.sock"));
            let endpoint = format!("unix://{}", socket.display());
            let state = bench.file("state").display().to_string();
            Instance::start(socket, &program.words(&endpoint, &state, how.bent == Some(end), more))
        };
        Apart {
            controller: start(End::Controller, "controller", &how.controller),
            node: start(End::Node, "node", &how.node),
        }
    }

    /// The flags by which stdcheck finds them.
    pub fn flags(&self) -> Vec<String> {
        let place = |instance: &Instance| instance.socket.display().to_string();
        let (controller, node) = (place(&self.controller), place(&self.node));
        vec!["--controller-endpoint".into(), controller, "--node-endpoint".into(), node]
    }
}

/// One of them.
struct Instance {
    child: Child,
    socket: PathBuf,
}

impl Instance {
    fn start(socket: PathBuf, words: &[String]) -> Instance {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_remove("CSI_ENDPOINT")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        // SAFETY: a few system calls between fork and exec.
        unsafe { command.pre_exec(|| alone().map_err(io::Error::from)) };
        let child = command.spawn().expect("the driver can be started");
        let instance = Instance { child, socket };
        assert!(listens(&instance.socket), "{words:?} does not listen");
        instance
    }
}

/// It ends with us, and so do its mounts.
fn alone() -> nix::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A proxy and the driver behind it are one group.
        if let Ok(group) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}
