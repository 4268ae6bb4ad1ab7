//! A restart command for a double in this process: a shell writes into one named pipe and waits for
//! the answer in another, so that the restart is over when the command ends.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nix::{libc::O_NONBLOCK, sys::stat::Mode, unistd::mkfifo};

/// Waits for orders until it is dropped.
pub struct Restarter {
    asked: PathBuf,
    done: PathBuf,
}

impl Restarter {
    /// Begins to wait; `restart` is done for each order.
    pub fn start(socket: &Path, restart: impl Fn() + Send + 'static) -> Restarter {
        let [asked, done] = ["restart", "restarted"].map(|name| socket.with_extension(name));
        for fifo in [&asked, &done] {
            mkfifo(fifo, Mode::S_IRWXU).expect("the folder is ours");
        }
        let (orders, answer) = (asked.clone(), done.clone());
        std::thread::spawn(move || {
            // An end without an order is the end of the double.
            while fs::read(&orders).is_ok_and(|order| !order.is_empty()) {
                restart();
                if fs::write(&answer, "done").is_err() {
                    return;
                }
            }
        });
        Restarter { asked, done }
    }

    /// The command.
    pub fn command(&self) -> String {
        let quoted = |path: &Path| {
            let path = path.display().to_string();
            shlex::try_quote(&path).expect("no NUL in it").into_owned()
        };
        format!("echo now > {}; cat {}", quoted(&self.asked), quoted(&self.done))
    }
}

impl Drop for Restarter {
    fn drop(&mut self) {
        // Opened and closed without a word; without a reader there is nobody to be told.
        let _ = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&self.asked);
    }
}
