//! The registry over real connections, spoken to by hand: what a client sends and gets is the thing under test.

#[path = "registry/access.rs"]
mod access;
#[path = "registry/client.rs"]
mod client;
#[path = "registry/faults.rs"]
mod faults;
#[path = "registry/offers.rs"]
mod offers;
#[path = "registry/tls.rs"]
mod tls;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;

use client::{ask, exchange, get};
use nix::sched::{CloneFlags, unshare};
use serde_json::json;
use stdcheck::drive::registry::{Listen, Netns, Noticed, Registry, RegistryError};
use stdcheck::image::{File, Image, ImageSpec};

fn image(unique: &str) -> Image {
    Image::build(&ImageSpec::new(unique)).expect("the spec is right")
}

/// A registry with one image as `suite/one:1`.
fn started() -> (Registry, Image) {
    let registry = Registry::start(Listen::default()).expect("loopback has free ports");
    let image = image("one");
    registry.publish("suite/one", "1", &image);
    (registry, image)
}

#[test]
fn it_says_that_it_is_a_registry() {
    let (registry, _) = started();
    for path in ["/v2", "/v2/"] {
        let answer = get(&registry, path);
        assert_eq!((answer.status, answer.json()), (200, json!({})));
    }
}

#[test]
fn references_name_the_address_and_the_image() {
    let (registry, image) = started();
    let address = registry.address();
    assert_eq!(registry.publish("a/b", "tag", &image), format!("{address}/a/b:tag"));
    let digest = &image.manifest.digest;
    assert_eq!(registry.publish_by_digest("a/b", &image), format!("{address}/a/b@{digest}"));

    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let everywhere = Listen { address, ..Listen::default() };
    let registry = Registry::start(everywhere).expect("there are free ports");
    let port = registry.address().port();
    assert_eq!(registry.publish("a", "1", &image), format!("127.0.0.1:{port}/a:1"));
}

#[test]
fn manifests_are_found_by_tag_and_by_digest() {
    let (registry, image) = started();
    let manifest = &image.manifest;
    for reference in ["1", &manifest.digest] {
        let answer = get(&registry, &format!("/v2/suite/one/manifests/{reference}"));
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/vnd.oci.image.manifest.v1+json")
        );
        assert_eq!(answer.header("docker-content-digest"), Some(manifest.digest.as_str()));
        assert_eq!(answer.header("content-length"), Some(&*manifest.bytes.len().to_string()));
        assert_eq!(answer.body, manifest.bytes);
    }
}

#[test]
fn head_tells_the_same_without_a_body() {
    let (registry, image) = started();
    let layer = &image.layers[0];
    for (path, blob) in [
        ("/v2/suite/one/manifests/1".to_owned(), &image.manifest),
        (format!("/v2/suite/one/blobs/{}", layer.digest), layer),
    ] {
        let answer = ask(&registry, "HEAD", &path, "");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.as_str()));
        assert_eq!(answer.header("content-length"), Some(&*blob.bytes.len().to_string()));
        assert!(answer.body.is_empty());
    }
}

#[test]
fn blobs_come_whole_and_in_part() {
    let (registry, image) = started();
    for blob in image.blobs() {
        let path = format!("/v2/suite/one/blobs/{}", blob.digest);
        let size = blob.bytes.len();
        let whole = get(&registry, &path);
        assert_eq!((whole.status, whole.body), (200, blob.bytes.to_vec()));

        let part = ask(&registry, "GET", &path, "Range: bytes=10-19\r\n");
        assert_eq!((part.status, &part.body[..]), (206, &blob.bytes[10..20]));
        assert_eq!(part.header("content-range"), Some(&*format!("bytes 10-19/{size}")));
        assert_eq!(part.header("content-length"), Some("10"));

        let outside = ask(&registry, "GET", &path, &format!("Range: bytes={size}-\r\n"));
        assert_eq!(outside.status, 416);
        assert_eq!(outside.header("content-range"), Some(&*format!("bytes */{size}")));
    }
}

#[test]
fn a_tag_moves_and_the_digest_stays() {
    let (registry, one) = started();
    let two = image("two");
    registry.publish("suite/one", "1", &two);
    registry.publish("suite/one", "other", &one);
    assert_eq!(get(&registry, "/v2/suite/one/manifests/1").body, two.manifest.bytes);
    let old = get(&registry, &format!("/v2/suite/one/manifests/{}", one.manifest.digest));
    assert_eq!(old.body, one.manifest.bytes);
    let tags = get(&registry, "/v2/suite/one/tags/list").json();
    assert_eq!(tags, json!({ "name": "suite/one", "tags": ["1", "other"] }));
}

#[test]
fn what_is_not_there_is_refused_in_the_form_of_the_specification() {
    let (registry, image) = started();
    for (path, code) in [
        ("/v2/suite/one/manifests/2".to_owned(), "MANIFEST_UNKNOWN"),
        ("/v2/suite/two/manifests/1".to_owned(), "NAME_UNKNOWN"),
        (format!("/v2/suite/one/blobs/{}", image.manifest.digest), "BLOB_UNKNOWN"),
        (format!("/v2/suite/two/blobs/{}", image.id()), "NAME_UNKNOWN"),
        ("/v2/suite/two/tags/list".to_owned(), "NAME_UNKNOWN"),
        (format!("/v2/suite/one/referrers/{}", image.id()), "UNSUPPORTED"),
        ("/v1/search".to_owned(), "UNSUPPORTED"),
    ] {
        let answer = get(&registry, &path);
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let written = ask(&registry, "DELETE", "/v2/suite/one/manifests/1", "");
    assert_eq!((written.status, written.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn every_request_is_recorded() {
    let (registry, _) = started();
    ask(&registry, "GET", "/v2/suite/one/manifests/1?ns=a", "User-Agent: runtime/1\r\n");
    ask(&registry, "HEAD", "/nothing", "");
    let seen: Vec<_> = registry
        .requests()
        .into_iter()
        .map(|request| (request.method, request.path, request.status, request.user_agent))
        .collect();
    let expected = [
        ("GET", "/v2/suite/one/manifests/1?ns=a", 200, "runtime/1"),
        ("HEAD", "/nothing", 404, ""),
    ];
    let expected = expected.map(|(method, path, status, agent)| {
        (method.to_owned(), path.to_owned(), status, agent.to_owned())
    });
    assert_eq!(seen, expected);
    assert_eq!(registry.noticed(), Noticed::default());
}

#[test]
fn tls_is_noticed_and_answered_with_an_http_error() {
    let (registry, _) = started();
    // The head of a TLS 1.x record with a ClientHello in it.
    let answer = exchange(registry.address(), &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]);
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(registry.noticed(), Noticed { tls: 1, ..Noticed::default() });
    assert!(registry.requests().is_empty());
}

#[test]
fn many_pull_at_once() {
    let (registry, image) = started();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for blob in image.blobs() {
                    let answer = get(&registry, &format!("/v2/suite/one/blobs/{}", blob.digest));
                    assert_eq!(answer.body, blob.bytes);
                }
            });
        }
    });
    assert_eq!(registry.requests().len(), 16 * image.blobs().count());
}

#[test]
fn dropping_it_ends_it_whatever_clients_do() {
    // Content that neither compresses nor fits into the buffers of a connection.
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let file =
        File { path: "/noise".into(), mode: 0o644, contents: noise.take(16 << 20).collect() };
    let large = Image::build(&ImageSpec { files: vec![file], ..ImageSpec::new("large") })
        .expect("the spec is right");

    let (registry, _) = started();
    registry.publish("large", "1", &large);
    let address = registry.address();
    let silent = TcpStream::connect(address).expect("the registry accepts");
    let mut stuck = TcpStream::connect(address).expect("the registry accepts");
    write!(stuck, "GET /v2/large/blobs/{} HTTP/1.1\r\nHost: a\r\n\r\n", large.layers[1].digest)
        .expect("the registry reads");
    let mut first = [0];
    stuck.read_exact(&mut first).expect("the answer begins");

    drop(registry);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    drop((silent, stuck));
}

#[test]
fn an_address_that_is_taken_is_told() {
    let (registry, _) = started();
    let listen = Listen { address: registry.address(), ..Listen::default() };
    let error = Registry::start(listen).err().expect("the port is taken");
    assert!(error.to_string().starts_with("the registry cannot listen on 127.0.0.1:"), "{error}");
}

#[test]
fn our_own_namespace_needs_no_permission() {
    let netns = Some(Netns::Pid(std::process::id()));
    assert!(Registry::start(Listen { netns, ..Listen::default() }).is_ok());
}

#[test]
fn it_listens_in_another_namespace() {
    let (registry, _) = started();
    // Everything in the other namespace: loopback is down there, so that only the wildcard address can be had. The
    // same port is free only if it is another namespace.
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, registry.address().port()));
    let (ready, path) = std::sync::mpsc::channel();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let owner = std::thread::spawn(move || {
        let made = unshare(CloneFlags::CLONE_NEWNET).map(|()| {
            let task = std::fs::read_link("/proc/thread-self").expect("proc is mounted");
            PathBuf::from("/proc").join(task).join("ns/net")
        });
        ready.send(made).expect("the test listens");
        // The namespace lives as long as this thread.
        let _ = wait.recv();
    });
    match path.recv().expect("the thread tells") {
        Ok(path) => {
            let netns = Some(Netns::Path(path));
            let other = Registry::start(Listen { address, netns, certificate: None })
                .expect("the port is free there");
            assert_eq!(other.address().port(), registry.address().port());
            assert!(
                Registry::start(Listen { address, ..Listen::default() }).is_err(),
                "the port is taken here"
            );
        }
        Err(error) => eprintln!("SKIPPED: no network namespace can be made here: {error}"),
    }
    drop(done);
    owner.join().expect("the thread ends");
}

#[test]
fn a_namespace_that_is_none_is_told() {
    for path in ["/no/such/namespace", "/dev/null"] {
        let netns = Some(Netns::Path(path.into()));
        let error =
            Registry::start(Listen { netns, ..Listen::default() }).err().expect("no namespace");
        let told =
            matches!(error, RegistryError::Namespace { .. } | RegistryError::NotPermitted(_));
        assert!(told && error.to_string().contains(path), "{error}");
    }
}
