//! The verb `cri.together`, in a check of its own.

use std::path::PathBuf;

use tonic::Code;

use crate::{
    double::{Answer, Deed, Double},
    harness::Bench,
};

const SUITE: &str = include_str!("../../suites/cri/suite.toml");

/// Five times the same pod at once: the metadata can be had only once.
const CHECKS: &str = r#"
[[requirement]]
code = "CRI-SB-001"
level = "MUST"
basis = "read"
section = "here"
says = "Something."

[[check]]
id = "cri.small.together"
title = "A sandbox can be had once"
requires = ["CRI-SB-001"]
[[check.steps]]
do = "cri.together"
with.rpc = "RuntimeService/RunPodSandbox"
with.count = 5
with.with = { config = { labels = { price = "5 $$ ${run.id}" } } }
as = "all"
[[check.steps]]
call = "RuntimeService/PodSandboxStatus"
with.pod_sandbox_id = "$all.reply.replies[0].pod_sandbox_id"
expect = [
  "reply.status.labels == {'price': '5 $ ' + run.id}",
  "reply.status.metadata.namespace == run.namespace",
  "all.reply.codes.filter(c, c == 'OK').size() == 1 && size(all.reply.replies) == 1",
  "all.reply.codes.filter(c, c == 'ALREADY_EXISTS').size() == 4",
  "all.reply.messages.filter(m, m == 'a sandbox has this metadata').size() == 4",
]
"#;

/// The vocabulary of the built-in suite, and these checks.
fn suite(bench: &Bench, checks: &str) -> PathBuf {
    let folder = bench.file("cri");
    std::fs::create_dir(&folder).expect("the folder is ours");
    bench.write("cri/suite.toml", SUITE);
    bench.write("cri/small.toml", checks);
    folder
}

#[test]
fn sends_a_request_several_times_at_once_and_takes_everything_back() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let suite = suite(&bench, CHECKS).display().to_string();
    let told = bench.cri(&double.socket, &["--suite", &suite]);
    assert_eq!(told.ids("pass"), ["cri.small.together"], "{told:?}");
    assert_eq!(double.bends.calls("RuntimeService/RunPodSandbox"), 5);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn tells_a_death_and_a_refusal_apart() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let suite = suite(&bench, CHECKS).display().to_string();
    let run = "RuntimeService/RunPodSandbox";
    double.bends.before(run, |_| Deed::Answer(Answer::refusal(Code::Aborted, "no")));
    let told = bench.cri(&double.socket, &["--suite", &suite]);
    assert_eq!(told.ids("error"), ["cri.small.together"], "nothing was made: {told:?}");
    double.bends.clear();
    // Five were counted above.
    double.bends.before(run, |call| if call.nth == 8 { Deed::Die } else { Deed::Serve });
    let told = bench.cri(&double.socket, &["--suite", &suite, "--allow-crash"]);
    assert_eq!(told.report["deaths"].as_array().map(Vec::len), Some(1), "{told:?}");
    assert_eq!(told.ids("fail"), ["cri.small.together"], "{told:?}");
}
