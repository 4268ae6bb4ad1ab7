//! What goes wrong on purpose, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::http::StatusCode;
use sha2::{Digest, Sha256};
use stdcheck::drive::registry::{Access, Fault, Harm, Part, Registry};
use stdcheck::image::{Image, ImageSpec};

use crate::client::{Answer, ask, exchange, get, request};
use crate::started;

/// Several pieces of a body.
const NOISE: usize = 300_000;

/// A registry with an image as `hurt:1`, and the image.
fn hurt(on: Part, harm: Harm, times: Option<u64>) -> (Registry, Image) {
    let (registry, _) = started();
    let image = Image::build(&ImageSpec { noise: NOISE, ..ImageSpec::new("hurt") })
        .expect("the spec is right");
    registry.offer(&[("hurt", "1")], &image, Access::Anybody, Some(Fault { on, harm, times }));
    (registry, image)
}

/// The path of the layer that is hurt, and its bytes.
fn layer(image: &Image) -> (String, &[u8]) {
    let layer = image.layers.last().expect("there are layers");
    (format!("/v2/hurt/blobs/{}", layer.digest), &layer.bytes)
}

#[test]
fn a_status_comes_so_often_and_then_no_more() {
    let harm = Harm::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(7) };
    let (registry, image) = hurt(Part::Manifest, harm, Some(2));
    let path = "/v2/hurt/manifests/1";
    for method in ["HEAD", "GET"] {
        let answer = ask(&registry, method, path, "");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    }
    let answer = get(&registry, path);
    assert_eq!((answer.status, answer.body), (200, image.manifest.bytes.to_vec()));
}

#[test]
fn every_part_can_be_hurt_and_only_that() {
    let parts = [Part::Manifest, Part::Config, Part::Layer];
    for part in parts {
        let harm = Harm::Status { status: StatusCode::NOT_FOUND, retry_after: None };
        let (registry, image) = hurt(part, harm, None);
        let blob = |digest: &str| get(&registry, &format!("/v2/hurt/blobs/{digest}")).status;
        let manifest = get(&registry, "/v2/hurt/manifests/1").status;
        let seen = [manifest, blob(image.id()), get(&registry, &layer(&image).0).status];
        assert_eq!(seen, parts.map(|other| if other == part { 404 } else { 200 }), "{part:?}");
        assert_eq!(blob(&image.layers[0].digest), 200);
    }
}

#[test]
fn tokens_can_be_hurt() {
    let harm = Harm::Status { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: None };
    let (registry, _) = hurt(Part::Token, harm, Some(1));
    let path = "/token?scope=repository:hurt:pull";
    assert_eq!(get(&registry, path).status, 503);
    assert_eq!(get(&registry, path).status, 200);
}

#[test]
fn a_blob_is_cut_and_the_rest_can_be_fetched() {
    let (registry, image) = hurt(Part::Layer, Harm::Cut { after: Some(30_000) }, Some(1));
    let (path, whole) = layer(&image);
    let cut = get(&registry, &path);
    assert_eq!((cut.status, cut.promised()), (200, whole.len()));
    assert_eq!(cut.body, whole[..30_000]);
    let rest = ask(&registry, "GET", &path, "Range: bytes=30000-\r\n");
    assert_eq!((rest.status, &rest.body[..]), (206, &whole[30_000..]));
    let tally = registry.tally("hurt").expect("it is there");
    let blob = &tally.blobs[0];
    assert_eq!((blob.gets, blob.bytes), (2, whole.len() as u64));
}

#[test]
fn what_is_cut_without_a_number_is_cut_in_the_middle() {
    let (registry, image) = hurt(Part::Config, Harm::Cut { after: None }, None);
    let config = &image.config.bytes;
    let cut = get(&registry, &format!("/v2/hurt/blobs/{}", image.id()));
    assert_eq!(cut.body, config[..config.len() / 2]);
}

#[test]
fn corrupt_content_has_its_size_and_another_digest() {
    for (part, times) in [(Part::Manifest, None), (Part::Config, Some(1)), (Part::Layer, Some(1))] {
        let (registry, image) = hurt(part, Harm::Corrupt, times);
        let (path, right) = match part {
            Part::Manifest => ("/v2/hurt/manifests/1".to_owned(), &image.manifest),
            Part::Config => (format!("/v2/hurt/blobs/{}", image.id()), &image.config),
            _ => (layer(&image).0, &image.layers[2]),
        };
        // A HEAD has nothing to hurt, and does not count.
        assert_eq!(ask(&registry, "HEAD", &path, "").status, 200);
        let answer = get(&registry, &path);
        assert_eq!((answer.status, answer.body.len()), (200, right.bytes.len()));
        assert_eq!(answer.header("docker-content-digest"), Some(right.digest.as_str()));
        assert_ne!(Sha256::digest(&answer.body), Sha256::digest(&right.bytes));
        let again = get(&registry, &path).body == right.bytes;
        assert_eq!(again, times.is_some(), "{part:?}");
    }
}

#[test]
fn short_content_ends_in_order() {
    let (registry, image) = hurt(Part::Layer, Harm::Short { length: Some(1000) }, None);
    let (path, whole) = layer(&image);
    let short = get(&registry, &path);
    assert_eq!((short.status, short.promised()), (200, 1000));
    assert_eq!(short.body, whole[..1000]);
}

#[test]
fn slow_content_comes_whole() {
    let harm = Harm::Slow { over: Duration::from_millis(300) };
    let (registry, image) = hurt(Part::Layer, harm, None);
    let (path, whole) = layer(&image);
    assert_eq!(get(&registry, &path).body, whole);
}

#[test]
fn a_repair_lets_go_what_is_held_up() {
    // Slow for longer than anybody waits: the test ends because of the repair alone.
    let slow = Harm::Slow { over: Duration::from_secs(1_000_000) };
    for harm in [Harm::Stall { after: Some(5) }, slow] {
        let (registry, image) = hurt(Part::Layer, harm, None);
        let (path, whole) = layer(&image);
        let mut stream = TcpStream::connect(registry.address()).expect("the registry accepts");
        stream.write_all(request("GET", &path, "").as_bytes()).expect("the registry reads");
        // The head is there, and five bytes of the body.
        let mut answer = Vec::new();
        let begun = |answer: &[u8]| {
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
            end.is_some_and(|end| answer.len() >= end + 4 + 5)
        };
        while !begun(&answer) {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the answer begins");
            answer.push(byte[0]);
        }
        assert!(registry.repair("hurt"));
        stream.read_to_end(&mut answer).expect("the answer goes on");
        assert_eq!(Answer::parse(&answer).body, whole);
        assert_eq!(get(&registry, &path).body, whole);
    }
}

#[test]
fn what_is_stalled_does_not_keep_the_registry_from_ending() {
    let (registry, image) = hurt(Part::Layer, Harm::Stall { after: None }, None);
    let path = layer(&image).0;
    let address = registry.address();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| exchange(address, request("GET", &path, "").as_bytes()));
        // It is counted before it is sent.
        while registry.tally("hurt").is_none_or(|tally| tally.blobs.is_empty()) {
            std::thread::yield_now();
        }
        drop(registry);
        let _ = client.join();
    });
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn there_is_nothing_to_repair_where_nothing_was_published() {
    let (registry, _) = started();
    assert!(!registry.repair("nothing"));
    assert!(registry.repair("suite"));
}
