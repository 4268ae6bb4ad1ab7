//! The stage itself: a process of ours that plays the machine on which plugins run.
//!
//! It is two processes. The outer one makes the namespaces and then only watches: when whoever asks
//! is gone, or the inner one is, it ends everything. The inner one is the first process of its process
//! namespace, so whatever runs on the stage ends with it, and it does what it is asked, in one thread.

mod children;
mod daemons;
mod execution;
mod files;
mod filter;
mod legacy;
mod look;
mod mounts;
mod netlink;
mod operation;
mod processes;
mod sentences;
mod serve;
mod settings;
mod setup;
mod spaces;
mod state;
mod tap;
mod traffic;

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::exit,
};

use nix::{
    poll::{PollFd, PollFlags},
    sched::{CloneFlags, unshare},
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, kill},
        stat::{Mode, umask},
    },
    unistd::{ForkResult, Pid, fork, setsid},
};

use children::{Children, End};

/// Plays a stage for whoever is at the other end of standard input, a socket. Does not come back.
pub fn main() -> ! {
    let Err(error) = begin();
    eprintln!("{error}");
    exit(1)
}

/// Changes a link, address or route of the network namespace that this process is in: for programs that
/// a test puts on a stage.
///
/// # Errors
/// What the kernel said, in one line.
pub fn change_here(op: super::wire::LinkOp) -> Result<(), String> {
    let mut spaces = spaces::Spaces::new().map_err(|error| error.to_string())?;
    operation::operate(&mut spaces, None, op)
}

fn begin() -> Result<std::convert::Infallible, String> {
    // A session of its own: Ctrl-C is for whoever started us, who will tell us.
    let _ = setsid();
    // Files on the stage get the same permissions whoever began it.
    umask(Mode::from_bits_truncate(0o022));
    let socket = take_socket().map_err(|error| format!("cannot take the socket: {error}"))?;
    super::without_root()?;
    let namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(namespaces).map_err(|error| {
        format!("the kernel does not let us make namespaces ({error}): run as root, or allow user namespaces")
    })?;
    // SAFETY: there is no other thread whose locks the child could inherit.
    match unsafe { fork() }.map_err(|error| format!("cannot fork: {error}"))? {
        ForkResult::Parent { child } => watch(&socket, child),
        ForkResult::Child => {
            // If the outer one died before this, the socket is still there to tell us.
            let _ = set_pdeathsig(Signal::SIGKILL);
            serve::serve(socket)
        }
    }
}

/// Our end of the socket, which no program that we execute inherits.
fn take_socket() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = OwnedFd::from(File::open("/dev/null")?);
    nix::unistd::dup2_stdin(&nothing)?;
    Ok(UnixStream::from(socket))
}

/// Ends the stage when it is not wanted any more, even in the middle of something.
fn watch(socket: &UnixStream, inner: Pid) -> Result<std::convert::Infallible, String> {
    let mut children =
        Children::watch().map_err(|error| format!("cannot hear of processes: {error}"))?;
    children.await_end(inner.as_raw());
    loop {
        children.collect();
        match children.end(inner.as_raw()) {
            Some(End::Exit(code)) => exit(code),
            Some(End::Signal(number)) => {
                return Err(format!("its first process was killed by signal {number}"));
            }
            None => {}
        }
        // Nothing is asked for, so that only the other end's going wakes us.
        let mut polled = [
            PollFd::new(socket.as_fd(), PollFlags::empty()),
            PollFd::new(children.bell(), PollFlags::POLLIN),
        ];
        execution::wait_for_ever(&mut polled);
        if polled[0].revents().is_some_and(|events| !events.is_empty()) {
            // All others on the stage go with it.
            let _ = kill(inner, Signal::SIGKILL);
            exit(0);
        }
    }
}
