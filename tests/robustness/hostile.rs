//! Whatever a target says, every report can be read and none does any harm.

use std::{os::unix::net::UnixListener, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use stdcheck::{proto::cri::v1::VersionResponse, suite::rpc};
use tonic::Code;

use crate::{
    double::{Answer, Deed, Double},
    harness::Bench,
    poison::{self, NASTY, Poison, Where},
    strict::{self, Written},
    traffic,
};

/// Calls without an answer are given up early: nothing here is judged by its time.
const HURRY: &[&str] = &["--step-timeout", "5s", "--check-timeout", "10s", "-j", "4"];

/// Two workers: as many as the smallest machine of a CI has.
fn side_by_side(rpcs: Vec<(String, Vec<String>)>, work: impl Fn(&str, &[&str]) + Sync) {
    let next = std::sync::Mutex::new(rpcs.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((rpc, checks)) = next.lock().expect("no panic").next() else { break };
                    let select: Vec<&str> =
                        checks.iter().flat_map(|id| ["--select", id.as_str()]).collect();
                    work(&rpc, &select);
                }
            });
        }
    });
}

fn used(checks: usize) -> Vec<(String, Vec<String>)> {
    let by_rpc = traffic::checks_by_rpc(&traffic::suite(), checks);
    let used: Vec<_> = by_rpc.into_iter().filter(|(_, checks)| !checks.is_empty()).collect();
    assert!(used.len() > 15, "{used:?}");
    used
}

fn run(bench: &Bench, double: &Double, select: &[&str]) -> Written {
    strict::run(bench, &double.socket, &[select, HURRY, &["--api", "1.37"]].concat())
}

/// Every text of every reply; each rpc in a run of its own for each set of places.
fn in_replies(poison: Poison, places: &[Where], checks: usize) {
    let junit = std::sync::Mutex::new(Vec::new());
    side_by_side(used(checks), |rpc, select| {
        for &places in places {
            let bench = Bench::new();
            let double = Double::start(bench.path());
            let output = rpc::find("runtime.v1", rpc).expect("an rpc").output();
            double.bends.after(rpc, move |call, answer| {
                // The first Version of all must let the run begin; it has a test of its own.
                if answer.code == Code::Ok && !(call.rpc.ends_with("/Version") && call.nth == 1) {
                    for reply in &mut answer.replies {
                        *reply = poison::reply(&output, reply, poison, places);
                    }
                }
            });
            let written = run(&bench, &double, select);
            assert!(double.bends.calls(rpc) > 0, "{rpc} is never called by {select:?}");
            let code = written.told.code;
            assert!([0, 1, 3].contains(&code), "{rpc}, {poison:?}: {:?}", written.told.stderr);
            junit.lock().expect("no panic").push((written.junit, bench));
        }
    });
    let kept = junit.into_inner().expect("no panic");
    strict::validate_junit(&kept.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>());
}

#[test]
fn control_characters_and_markup_in_every_text() {
    in_replies(Poison::Nasty, &[Where::Everywhere, Where::NotInIds], 3);
}

#[test]
fn bytes_that_are_no_utf8_in_every_text() {
    in_replies(Poison::NotUtf8, &[Where::Everywhere], 3);
}

#[test]
fn a_megabyte_in_every_text() {
    in_replies(Poison::Megabyte, &[Where::NotInIds], 2);
}

#[test]
fn ten_thousand_entries_in_every_list() {
    in_replies(Poison::TenThousand, &[Where::NotInIds], 1);
}

#[test]
fn deeply_nested_json_in_every_text() {
    in_replies(Poison::Deep, &[Where::NotInIds], 3);
}

#[test]
fn in_the_message_of_every_refusal() {
    let junit = std::sync::Mutex::new(Vec::new());
    side_by_side(used(2), |rpc, select| {
        for (code, sent, message) in [
            (Code::Internal, "INTERNAL", NASTY.to_owned()),
            (Code::NotFound, "NOT_FOUND", NASTY.repeat(2_000)),
        ] {
            let bench = Bench::new();
            let double = Double::start(bench.path());
            double.bends.before(rpc, move |call| {
                match call.rpc.ends_with("/Version") && call.nth == 1 {
                    true => Deed::Serve,
                    false => Deed::Answer(Answer::refusal(code, &message)),
                }
            });
            let written = run(&bench, &double, select);
            let code = written.told.code;
            assert!([0, 1, 3].contains(&code), "{rpc}: {:?}", written.told.stderr);
            // A long message is a message still, and no broken answer.
            let evidence =
                written.told.checks().iter().filter_map(|check| check["evidence"].as_array());
            let of_rpc = evidence.flatten().filter(|exchange| exchange["what"] == rpc);
            let other: Vec<_> = of_rpc.filter(|exchange| exchange["code"] != sent).collect();
            assert!(rpc.ends_with("/Version") || other.is_empty(), "{rpc}: {other:?}");
            junit.lock().expect("no panic").push((written.junit, bench));
        }
    });
    let kept = junit.into_inner().expect("no panic");
    strict::validate_junit(&kept.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>());
}

#[test]
fn in_the_name_of_the_runtime() {
    for poison in Poison::ALL.into_iter().filter(|poison| *poison != Poison::NotUtf8) {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        let output = rpc::find("runtime.v1", "RuntimeService/Version").expect("an rpc").output();
        double.bends.after("RuntimeService/Version", move |_, answer| {
            for reply in &mut answer.replies {
                *reply = poison::reply(&output, reply, poison, Where::Everywhere);
            }
        });
        let written = run(&bench, &double, &["--select", "cri.version.*"]);
        assert_eq!(written.told.code, 1, "{poison:?}: {}", written.told.stderr);
        strict::validate_junit(&[written.junit]);
    }
}

#[test]
fn in_the_refusal_of_the_very_first_call() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double
        .bends
        .before("RuntimeService/Version", |_| Deed::Answer(Answer::refusal(Code::Internal, NASTY)));
    let socket = double.socket.display().to_string();
    for command in [&["cri", "--socket", &socket][..], &["cri", "clean", "--socket", &socket]] {
        let mut command = bench.command(command);
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
        let output = command.output().expect("stdcheck can be run");
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        let line = text.trim_end();
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        assert!(line.contains("refuses Version: INTERNAL \\x1b[2J"), "{line:?}");
    }
}

/// A runtime whose every refusal has these headers; `Version` is answered.
fn refusing_with(headers: &[(&'static str, &[u8])]) -> (Bench, PathBuf, tokio::runtime::Runtime) {
    let bench = Bench::new();
    let path = bench.file("raw.sock");
    let mut trailers = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value).expect("bytes that HTTP takes");
        trailers.insert(HeaderName::from_static(name), value);
    }
    let trailers = Arc::new(trailers);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = UnixListener::bind(&path).expect("a socket");
    listener.set_nonblocking(true).expect("a socket of ours");
    let listener = {
        let _inside = runtime.enter();
        tokio::net::UnixListener::from_std(listener).expect("a socket of ours")
    };
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let trailers = trailers.clone();
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let trailers = trailers.clone();
                async move { Ok::<_, std::convert::Infallible>(raw(&request, &trailers)) }
            });
            let serving = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(serving);
        }
    });
    (bench, path, runtime)
}

type Raw = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

fn raw(request: &http::Request<hyper::body::Incoming>, refusal: &HeaderMap) -> Response<Raw> {
    let mut trailers = refusal.clone();
    let mut body = Vec::new();
    if request.uri().path().ends_with("/Version") {
        trailers = HeaderMap::from_iter([(
            HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        let version = VersionResponse { runtime_name: "raw".into(), ..Default::default() };
        let version = version.encode_to_vec();
        body.push(0);
        body.extend(u32::try_from(version.len()).expect("it is short").to_be_bytes());
        body.extend(version);
    }
    let body = Full::new(Bytes::from(body)).with_trailers(async move { Some(Ok(trailers)) });
    Response::builder()
        .header("content-type", "application/grpc")
        .body(body.boxed())
        .expect("a sound response")
}

#[test]
fn in_the_headers_of_a_refusal() {
    let check = "cri.start-container.unknown";
    let not_found = ("grpc-status", &b"5"[..]);
    for (headers, code) in [
        // Not percent-encoded, not UTF-8, or both.
        (vec![not_found, ("grpc-message", &b"\xff\xfe%FF%1B[2J%"[..])], "NOT_FOUND"),
        // Details that are no base64, or no message.
        (vec![not_found, ("grpc-status-details-bin", &b"@@@"[..])], "NOT_FOUND"),
        (vec![not_found, ("grpc-status-details-bin", &b"/////w"[..])], "NOT_FOUND"),
        (vec![("grpc-status", &b"4711"[..])], "UNKNOWN"),
        (vec![("grpc-status", &b"\xff"[..])], "UNKNOWN"),
    ] {
        let (bench, socket, _serving) = refusing_with(&headers);
        let written = strict::run(&bench, &socket, &["--select", check]);
        let verdict = written.told.check(check);
        assert_eq!(verdict["verdict"], "pass", "{headers:?}: {verdict}");
        assert_eq!(verdict["evidence"][0]["code"], code, "{headers:?}: {verdict}");
        strict::validate_junit(&[written.junit]);
    }
}
