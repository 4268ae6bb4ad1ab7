//! Bytes on the connection that are no HTTP/2: they break the call that they answer, and no other.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use crate::{
    double::{Deed, Double},
    harness::Bench,
};

/// Only the request of this check's situation has this word in it, and it is there as plain bytes.
const GUILTY: &str = "cri.sandbox-status.annotations";
const WORD: &[u8] = b"NoPrefix_and.Upper-Case";
/// Its one call, Version, is held until the garbage is there.
const INNOCENT: &str = "cri.version.names";
/// Much longer than anything takes: a test that waits in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stands before a socket; answers a request that holds [`WORD`] with `garbage`, or by closing.
fn between(bench: &Bench, behind: &Path, garbage: Option<&'static [u8]>) -> (PathBuf, Arrived) {
    let path = bench.file("between.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (there, arrived) = channel();
    let behind = behind.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = UnixStream::connect(&behind).expect("the double listens");
            let (to_client, to_server) = (cloned(&client), cloned(&server));
            let there = there.clone();
            std::thread::spawn(move || requests(client, to_server, garbage, &there));
            std::thread::spawn(move || answers(server, to_client));
        }
    });
    (path, Arc::new(Mutex::new(arrived)))
}

type Arrived = Arc<Mutex<std::sync::mpsc::Receiver<()>>>;

fn cloned(stream: &UnixStream) -> UnixStream {
    stream.try_clone().expect("a file descriptor")
}

fn requests(
    mut client: UnixStream,
    mut server: UnixStream,
    garbage: Option<&[u8]>,
    there: &Sender<()>,
) {
    let mut seen = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut seen) {
        if seen[..length].windows(WORD.len()).any(|window| window == WORD) {
            match garbage {
                Some(garbage) => drop(client.write_all(garbage)),
                None => drop(client.shutdown(Shutdown::Both)),
            }
            // Whoever listened may have gone.
            let _ = there.send(());
            continue;
        }
        if server.write_all(&seen[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn answers(mut server: UnixStream, mut client: UnixStream) {
    let mut seen = vec![0; 1 << 16];
    while let Ok(length @ 1..) = server.read(&mut seen) {
        if client.write_all(&seen[..length]).is_err() {
            break;
        }
    }
}

#[test]
fn breaks_the_guilty_call_alone() {
    for garbage in [&[0xff; 64][..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let (socket, arrived) = between(&bench, &double.socket, Some(garbage));
        double.bends.before("RuntimeService/Version", move |call| {
            if call.nth > 1 {
                let arrived = arrived.lock().expect("no panic");
                arrived.recv_timeout(PATIENCE).expect("the guilty one asks meanwhile");
            }
            Deed::Serve
        });
        let select = ["--select", GUILTY, "--select", INNOCENT, "-j", "8"];
        let told = bench.cri(&socket, &select);
        assert_eq!(told.check(INNOCENT)["verdict"], "pass", "{}", told.check(INNOCENT));
        let guilty = told.check(GUILTY);
        assert_eq!(guilty["verdict"], "error", "{guilty}");
        let reason = guilty["reason"].as_str().expect("text");
        assert!(reason.contains("RuntimeService/RunPodSandbox: "), "{reason}");
        assert_eq!(told.report["deaths"], serde_json::json!([]));
        assert_eq!(told.code, 3);
        assert_eq!(double.store.state().counts(), (0, 0, 0));
    }
}

/// The process lives on: the others are asked again, and the one that does it again did it.
#[test]
fn a_connection_that_is_closed_accuses_the_guilty_check_alone() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let (socket, _arrived) = between(&bench, &double.socket, None);
    let told = bench.cri(&socket, &["--select", GUILTY, "--select", INNOCENT, "-j", "8"]);
    assert_eq!(told.check(INNOCENT)["verdict"], "pass", "{}", told.check(INNOCENT));
    assert_eq!(told.ids("fail"), [GUILTY]);
    assert_eq!(told.code, 1);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}
