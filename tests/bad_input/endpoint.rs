//! Endpoints at which no runtime answers: exit code 3.

use std::{
    io::Write as _,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
};

use crate::{
    double::Double,
    harness::{Bench, Told},
};

/// A uid that owns nothing.
const NOBODY: u32 = 65534;

fn cri(bench: &Bench, endpoint: &Path) -> Told {
    let told = bench.cri(endpoint, &["--select", "cri.version.*"]);
    assert_eq!(told.code, 3, "{told:?}");
    assert_eq!(told.stdout, "", "nothing was begun");
    assert!(told.report.is_null(), "there is nothing to report");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    told
}

/// A socket that does something with each connection.
fn listener(bench: &Bench, serve: impl Fn(UnixStream) + Send + 'static) -> PathBuf {
    let path = bench.file("other.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    path
}

#[test]
fn that_do_not_exist() {
    let bench = Bench::new();
    let path = bench.file("no.sock");
    let told = cri(&bench, &path);
    let expected = format!(
        "stdcheck: there is no socket {}: is it running, and is that its socket? \
         (--endpoint)",
        path.display()
    );
    assert_eq!(told.message(), expected);
}

#[test]
fn that_are_regular_files() {
    let bench = Bench::new();
    let path = bench.write("file", "I am no socket");
    let told = cri(&bench, &path);
    let start = format!("stdcheck: nobody listens on {}: either it is no socket", path.display());
    assert!(told.message().starts_with(&start), "{}", told.stderr);
}

#[test]
fn that_belong_to_somebody_else() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let shut = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&double.socket, shut).expect("it is ours");
    let socket = double.socket.display().to_string();
    let mut command = bench.command(["cri", "--socket", &socket]);
    if nix::unistd::Uid::effective().is_root() {
        // Nothing is shut for root.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bench.path(), open).expect("it is ours");
        command.uid(NOBODY).gid(NOBODY);
    }
    let told = Told::of(&command.output().expect("stdcheck can be run"));
    assert_eq!(told.code, 3, "{told:?}");
    let start = format!("stdcheck: no permission to open {socket}: run stdcheck as a user who may");
    assert!(told.message().starts_with(&start), "{}", told.stderr);
    assert_eq!(double.bends.calls("RuntimeService/Version"), 0);
}

#[test]
fn that_close_the_connection() {
    let bench = Bench::new();
    let path = listener(&bench, drop);
    let told = cri(&bench, &path);
    let start = format!("stdcheck: unix://{} does not speak gRPC: ", path.display());
    assert!(told.message().starts_with(&start), "{}", told.stderr);
}

#[test]
fn that_speak_another_language() {
    let bench = Bench::new();
    let path = listener(&bench, |mut stream| {
        // Whoever hangs up first is no trouble here.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let told = cri(&bench, &path);
    let start = format!("stdcheck: unix://{} does not speak gRPC: ", path.display());
    assert!(told.message().starts_with(&start), "{}", told.stderr);
}

#[test]
fn that_are_silent() {
    let bench = Bench::new();
    let kept = std::sync::Mutex::new(Vec::new());
    let path = listener(&bench, move |stream| kept.lock().expect("no panic").push(stream));
    let told = cri(&bench, &path);
    let expected = format!(
        "stdcheck: unix://{} takes the connection and answers nothing: is it a gRPC socket?",
        path.display()
    );
    assert_eq!(told.message(), expected);
}

#[test]
fn that_speak_grpc_but_not_cri() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/Version", |_| {
        let unknown = "unknown service runtime.v1.RuntimeService";
        crate::double::Deed::Answer(crate::double::Answer::refusal(
            tonic::Code::Unimplemented,
            unknown,
        ))
    });
    let told = cri(&bench, &double.socket);
    assert!(told.message().contains("speaks gRPC, but not CRI v1"), "{}", told.stderr);
}

#[test]
fn that_answer_version_with_garbage() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/Version", |_| {
        crate::double::Deed::Answer(crate::double::Answer::bytes(vec![0xff; 9]))
    });
    let told = cri(&bench, &double.socket);
    assert!(told.message().contains("bytes that are no field"), "{}", told.stderr);
}

#[test]
fn that_are_tcp_ports_where_nobody_listens() {
    let bench = Bench::new();
    // Port 1 of the discard prefix of loopback: bound by nobody.
    let told = bench.stdcheck(["cri", "--endpoint", "tcp://127.0.0.1:1"]);
    assert_eq!(told.code, 3, "{told:?}");
    assert!(told.message().contains("cannot connect to tcp://127.0.0.1:1"), "{}", told.stderr);
}
