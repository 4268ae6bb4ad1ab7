//! An endpoint that answers garbage, hangs or ends the connection in the middle of any rpc that the
//! suite uses, wherever it uses it: in discovery, a situation, a step or when it cleans up.

use std::{collections::BTreeMap, sync::Mutex};

use crate::{
    double::{Answer, Deed, Double},
    harness::{Bench, Told},
    traffic,
};

/// What is done to every call of one rpc, and words of which one must be told.
struct Fault {
    name: &'static str,
    deed: fn() -> Deed,
    words: &'static [&'static str],
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "garbage",
        deed: || Deed::Answer(Answer::bytes(vec![0xff; 20])),
        words: &["bytes that are no field"],
    },
    Fault {
        name: "no frame",
        deed: || Deed::Answer(Answer::body("this is no gRPC at all, but text")),
        words: &["compress", "decode", "frame", "message"],
    },
    Fault {
        name: "hangs",
        deed: || Deed::Hang,
        words: &["no answer within", "the check took longer than"],
    },
    Fault { name: "dies", deed: || Deed::Die, words: &["connection ended", "the target died"] },
];

/// Everything that a run tells about what went wrong.
fn told_of(told: &Told) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| told.report[name].as_array().cloned().unwrap_or_default();
    let reasons = told.checks().iter().filter(|check| check["verdict"] != "pass");
    let mut all: Vec<String> = reasons.map(|check| text(&check["reason"])).collect();
    all.extend(list("cleanup_failures").iter().map(|failure| text(&failure["message"])));
    all.extend(list("deaths").iter().map(|death| text(&death["how"])));
    all.extend(list("unattributed_deaths").iter().map(text));
    all
}

/// Gives how often the rpc was called.
fn run(rpc: &str, checks: &[String], fault: &Fault) -> usize {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let deed = fault.deed;
    double.bends.before(rpc, move |call| match call.rpc.ends_with("/Version") && call.nth == 1 {
        // Without it no run begins; that has its own test.
        true => Deed::Serve,
        false => deed(),
    });
    // Short, for what never comes; a call that is slow for another reason is told as such, too.
    let mut arguments = vec!["--api=1.37", "-j4", "--step-timeout=1s", "--check-timeout=4s"];
    for check in checks {
        arguments.extend(["--select", check]);
    }
    let told = bench.cri(&double.socket, &arguments);

    let what = format!("{rpc} {}: {checks:?}", fault.name);
    // What could not be taken away again is told and fails no run, nor does what breaks a SHOULD.
    let left = told.report["cleanup_failures"].as_array().is_some_and(|left| !left.is_empty());
    let harmless = left || !told.ids("warn").is_empty();
    assert!([1, 3].contains(&told.code) || (told.code == 0 && harmless), "{what}: {told:?}");
    let said = told_of(&told);
    assert!(said.iter().all(|line| !line.is_empty()), "{what}: {said:?}");
    let clear = said.iter().any(|line| fault.words.iter().any(|word| line.contains(word)));
    assert!(clear, "{what}: {said:?}");
    assert_eq!(told.stderr, "", "{what}");

    let calls = double.bends.calls(rpc);
    double.bends.clear();
    let socket = double.socket.display().to_string();
    let cleaned = bench.stdcheck(["cri", "clean", "--socket", &socket]);
    assert_eq!(cleaned.code, 0, "{what}: {cleaned:?}");
    assert_eq!(double.store.state().counts(), (0, 0, 0), "{what}: {cleaned:?}");
    assert_eq!(bench.leftovers(), Vec::<String>::new(), "{what}: {cleaned:?}");
    calls
}

#[test]
fn ends_with_a_clear_message_whatever_rpc_it_is() {
    let by_rpc = traffic::checks_by_rpc(&traffic::suite(), 2);
    let used = by_rpc.iter().filter(|(_, checks)| !checks.is_empty());
    let all: Vec<_> = used
        .flat_map(|(rpc, checks)| FAULTS.iter().map(move |fault| (rpc, checks, fault)))
        .collect();
    assert!(all.len() > 60, "{}", all.len());
    let next = Mutex::new(all.into_iter());
    let calls: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    // Most of the time is spent with waiting for what never comes.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((rpc, checks, fault)) = next.lock().expect("no panic").next() else {
                        break;
                    };
                    let called = run(rpc, checks, fault);
                    *calls.lock().expect("no panic").entry(rpc).or_default() += called;
                }
            });
        }
    });
    for (rpc, calls) in calls.into_inner().expect("no panic") {
        assert!(calls > 1, "{rpc} is hardly ever called: {calls}");
    }
}
