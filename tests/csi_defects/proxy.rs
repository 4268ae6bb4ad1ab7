//! A proxy before the reference driver, with rules that bend what passes: this program started once
//! more, as the driver that stdcheck starts.

use std::{
    io::Read as _,
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::Pid,
};

use crate::double;

/// The first argument by which this program knows that it is a proxy; then come a file of rules, the
/// socket to listen on, and the driver's command.
pub const WORD: &str = "csi-proxy";

/// Stands in the driver's command for its endpoint, which the proxy chooses.
pub const BEHIND: &str = "{behind}";

/// How long the driver may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves until it is killed, if it was started for that.
pub fn serve_if_told() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [word, rules, endpoint, command @ ..] = words.as_slice() else { return };
    if word != WORD {
        return;
    }
    let socket = PathBuf::from(endpoint.trim_start_matches("unix://"));
    // Of this life alone: a driver that was just killed may still answer at the last one's.
    let behind = Path::new(rules).with_file_name(format!("behind-{}.sock", std::process::id()));
    let inner = format!("unix://{}", behind.display());
    let [program, arguments @ ..] = command else { panic!("no driver is named") };
    let mut child = Command::new(program);
    child.args(arguments.iter().map(|word| word.replace(BEHIND, &inner)));
    child.env("CSI_ENDPOINT", inner);
    let die_too = || prctl::set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from);
    // SAFETY: a single system call between fork and exec.
    unsafe { child.pre_exec(die_too) };
    let mut child = child.spawn().expect("the driver can be started");
    if !listens(&behind) {
        let _ = child.kill();
        std::process::exit(1);
    }
    let die = Arc::new(|| kill(Pid::from_raw(0), Signal::SIGKILL).expect("its own group"));
    let _serving = double::proxy::before(&behind, &socket, Path::new(rules), die);
    // A driver that dies takes its proxy with it; one whose proxy is told to end is told so too.
    let end = wait_for_the_end(&mut child);
    std::process::exit(end);
}

fn wait_for_the_end(child: &mut std::process::Child) -> i32 {
    child.wait().ok().and_then(|status| status.code()).unwrap_or(1)
}

/// Waits until somebody serves at a socket; false if nobody does in time.
pub fn listens(socket: &Path) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Ok(mut stream) = UnixStream::connect(socket) {
            // It serves as soon as it says something: HTTP/2 begins with the server's settings.
            let _ = stream.set_read_timeout(Some(PATIENCE));
            return std::io::Write::write_all(&mut stream, PREFACE).is_ok()
                && stream.read(&mut [0; 9]).is_ok_and(|read| read > 0);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// What a client of HTTP/2 says first, and its settings: none.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
