//! What may be judged: not what does not apply, and nothing by an expression that is itself mistaken.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prost_reflect::DynamicMessage;
use stdcheck::{
    drive::grpc::{Answer, Outcome},
    events::{CapabilityFact, CheckResult},
    plan::{self, Wanted},
    run::{evidence::Redactor, invariants::Invariants, seen::Seen},
    suite::{load, rpc},
    verdict::{SkipKind, Verdict},
};

use crate::{
    double::{Answer as Sent, Double},
    harness::Bench,
};

/// A suite of one requirement for each of two versions.
const SUITE: &str = r#"
standard = "cri"
title = "A small suite"
versions = ["1.25", "1.37"]
package = "runtime.v1"
endpoints = ["/run/none.sock"]
read_only = ["RuntimeService/Version"]

[sections]
"SML-POD" = "Pods"

[[capability]]
name = "it:has"
found_by = { call = "RuntimeService/Version", when = "reply.version == ''" }

[request."RuntimeService/Version"]
version = "v1"

[[requirement]]
code = "SML-POD-001"
level = "MUST"
basis = "stated"
section = "pods"
says = "It has a name."

[[requirement]]
code = "SML-POD-002"
level = "MUST"
basis = "stated"
section = "pods"
since = "1.30"
says = "It has a version."
"#;

const CHECK: &str = r#"
[[check]]
id = "cri.small.told"
title = "Name and version are told"
requires = ["SML-POD-001", "SML-POD-002"]
[[check.steps]]
call = "RuntimeService/Version"
as = "first"
code = "NOT_FOUND"
of = "SML-POD-002"
[[check.steps]]
call = "RuntimeService/Version"
expect = ["reply.runtime_version == 'never'", "first.code != ''"]
of = "SML-POD-002"
[[check.steps]]
call = "RuntimeService/Version"
expect = ["reply.runtime_name != ''", "first.reply.runtime_name == reply.runtime_name"]
of = "SML-POD-001"
"#;

#[test]
fn a_step_whose_code_does_not_apply_is_done_and_not_judged() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let folder = bench.file("suite");
    std::fs::create_dir(&folder).expect("it is ours");
    std::fs::write(folder.join("suite.toml"), format!("{SUITE}{CHECK}")).expect("it is ours");
    let suite = folder.display().to_string();
    let id = "cri.small.told";

    let told = bench.cri(&double.socket, &["--suite", &suite, "--api", "1.29"]);
    assert_eq!(told.check(id)["verdict"], "pass", "{}", told.check(id));
    assert_eq!(told.code, 0);

    let told = bench.cri(&double.socket, &["--suite", &suite, "--api", "1.30"]);
    assert_eq!(told.check(id)["verdict"], "fail", "{}", told.check(id));
    assert_eq!(told.check(id)["finding"]["codes"], serde_json::json!(["SML-POD-002"]));

    // What does apply is judged still.
    double.bends.after("RuntimeService/Version", |call, answer| {
        if call.nth > 1 {
            *answer = Sent::bytes("");
        }
    });
    let told = bench.cri(&double.socket, &["--suite", &suite, "--api", "1.29"]);
    assert_eq!(told.check(id)["finding"]["codes"], serde_json::json!(["SML-POD-001"]));
}

/// The result of an invariant that saw one answer without a name.
fn result_of(needs: &str, expect: &str, facts: &[CapabilityFact]) -> CheckResult {
    let invariant = format!(
        "[[invariant]]\nid = \"cri.small.named\"\ntitle = \"It has a name\"\n\
         requires = [\"SML-POD-001\"]\nneeds = [{needs}]\n\
         watch = [\"RuntimeService/Version\"]\nexpect = ['''{expect}''']\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("suite.toml");
    std::fs::write(path, format!("{SUITE}{invariant}")).expect("it is ours");
    // Not linted: lint would not let a mistaken expression pass.
    let suite = Arc::new(load::from_folder(folder.path()).expect("its form is sound"));
    let plan = plan::plan(&suite, &Wanted::default()).expect("there are no cases");
    let redactor = Arc::new(Redactor::default());
    let invariants = Invariants::new(&plan);

    let method = rpc::find("runtime.v1", "RuntimeService/Version").expect("an rpc");
    let reply = DynamicMessage::new(method.output());
    let mut answer = Answer::none("");
    (answer.outcome, answer.code, answer.number) = (Outcome::Answered, tonic::Code::Ok, 0);
    answer.replies.push(reply);
    let request = DynamicMessage::new(method.input());
    let (rpc, during) = ("RuntimeService/Version".to_owned(), "a check".to_owned());
    let seen = Seen::new(rpc, request.into(), Arc::new(answer), during, Duration::ZERO);
    invariants.looker(redactor.clone())(&seen);
    let facts: BTreeMap<String, CapabilityFact> =
        facts.iter().map(|fact| (fact.name.clone(), fact.clone())).collect();
    let mut results = invariants.results(&plan, &facts, &redactor, str::to_owned);
    results.pop().expect("there is one invariant")
}

fn fact(present: bool, why: &str) -> CapabilityFact {
    CapabilityFact { name: "it:has".into(), present, why: why.into() }
}

#[test]
fn an_invariant_that_is_broken_is_told() {
    let result = result_of("", "reply.runtime_name != ''", &[]);
    assert_eq!(result.verdict, Verdict::Fail, "{result:?}");
}

#[test]
fn an_invariant_that_is_itself_mistaken_is_an_error_and_no_pass() {
    for mistaken in ["reply.runtime_name +", "no_such_name == ''", "reply.runtime_name.nothing()"] {
        let result = result_of("", mistaken, &[]);
        assert_eq!(result.verdict, Verdict::Error, "{mistaken}: {result:?}");
        assert!(result.reason.is_some_and(|why| !why.is_empty()), "{mistaken}");
        assert!(result.finding.is_none(), "{mistaken}");
    }
}

#[test]
fn an_invariant_says_nothing_of_a_target_that_lacks_what_it_needs() {
    let expect = "reply.runtime_name != ''";
    let has = result_of("'it:has'", expect, &[fact(true, "yes")]);
    assert_eq!(has.verdict, Verdict::Fail, "{has:?}");
    let lacks = result_of("'it:has'", expect, &[fact(false, "no")]);
    assert_eq!((lacks.verdict, lacks.kind), (Verdict::Skip, Some(SkipKind::NotApplicable)));
    assert!(lacks.finding.is_none() && lacks.exchanges.is_empty());
    let unknown = result_of("'it:has'", expect, &[fact(false, "could not be found out: why")]);
    assert_eq!(unknown.verdict, Verdict::Error, "{unknown:?}");
}
