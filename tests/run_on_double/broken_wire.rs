//! Answers that are none: bytes that cannot be decoded, or too many of them.

use bytes::{BufMut as _, BytesMut};
use prost::Message as _;
use stdcheck::proto::cri::v1::{PodSandboxStatus, PodSandboxStatusResponse};

use crate::{
    double::{Answer, Deed, Double},
    harness::{Bench, Told},
};

const CHECK: &str = "cri.sandbox-status.annotations";

/// A run in which PodSandboxStatus answers that.
fn answered(answer: Answer) -> Told {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.before("RuntimeService/PodSandboxStatus", move |_| Deed::Answer(answer.clone()));
    let told = bench.cri(&double.socket, &["--select", CHECK]);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
    told
}

/// What the finding of the check says was seen.
fn actual(told: &Told) -> &str {
    let check = told.check(CHECK);
    assert_eq!(check["verdict"], "fail", "{check}");
    assert_eq!(told.code, 1);
    check["finding"]["actual"].as_str().expect("text")
}

#[test]
fn text_that_is_no_utf8_is_a_finding_that_names_the_field() {
    let status = PodSandboxStatus { runtime_handler: "?!".into(), ..PodSandboxStatus::default() };
    let reply = PodSandboxStatusResponse { status: Some(status), ..Default::default() };
    let mut bytes = reply.encode_to_vec();
    let at = bytes.windows(2).position(|pair| pair == b"?!").expect("it is there");
    bytes[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    assert_eq!(
        actual(&answered(Answer::bytes(bytes))),
        "status.runtime_handler: text that is not UTF-8"
    );
}

#[test]
fn bytes_that_are_no_message_are_a_finding() {
    let told = answered(Answer::bytes(vec![0xff; 40]));
    assert!(actual(&told).contains("bytes that are no field"), "{}", actual(&told));
}

#[test]
fn a_cut_message_is_a_finding() {
    let told = answered(Answer::bytes(vec![0x0a, 100, 1, 2, 3]));
    assert_eq!(actual(&told), "status: longer than the message");
}

#[test]
fn a_body_that_is_no_frame_is_a_finding() {
    let told = answered(Answer::body("this is no gRPC at all, but text"));
    assert!(!actual(&told).is_empty());
}

#[test]
fn an_answer_that_is_too_large_is_a_finding() {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(65 * 1024 * 1024);
    body.put_bytes(0, 1_000);
    let told = answered(Answer::body(body.freeze()));
    assert!(actual(&told).contains("too large"), "{}", actual(&told));
}

#[test]
fn an_answer_below_the_limit_is_no_trouble() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.bends.after("RuntimeService/PodSandboxStatus", |_, answer| {
        answer.edit(|reply: &mut PodSandboxStatusResponse| {
            reply.info.insert("large".into(), format!("\"{}\"", "x".repeat(20 << 20)));
        });
    });
    let told = bench.cri(&double.socket, &["--select", CHECK]);
    assert_eq!(told.check(CHECK)["verdict"], "pass", "{}", told.check(CHECK)["reason"]);
}

#[test]
fn an_ok_without_a_reply_is_a_finding() {
    let told = answered(Answer { replies: Vec::new(), ..Answer::bytes("") });
    assert!(!actual(&told).is_empty());
}

#[test]
fn it_is_no_refusal_where_one_is_expected() {
    for answer in [Answer::body("text"), Answer { replies: Vec::new(), ..Answer::bytes("") }] {
        let bench = Bench::new();
        let double = Double::start(bench.path());
        double.bends.before("RuntimeService/StartContainer", move |_| Deed::Answer(answer.clone()));
        let check = "cri.start-container.unknown";
        let told = bench.cri(&double.socket, &["--select", check]);
        assert_eq!(told.check(check)["verdict"], "fail");
    }
}
