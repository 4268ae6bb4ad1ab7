//! The rules themselves: what a file may hold, and what each change does to a message.

use std::time::Duration;

use prost_reflect::DynamicMessage;
use stdcheck::{
    drive::{
        clock::PendingClock,
        grpc::{Answer, Grpc, Outcome},
    },
    proto::cri::v1::{Container, ContainerMetadata, ListContainersResponse},
    suite::rpc,
};
use tonic::Code;

use crate::{
    double::{
        self, Double, State,
        rule::{Notes, Rule, read_folder, read_text},
    },
    stand::folder,
};

fn rule(bend: &str) -> Result<Rule, String> {
    let text = format!("[[defect]]\nname = 'x'\nsays = 'X.'\n[[defect.bends]]\n{bend}");
    Rule::new(&read_text("test", &text)?.remove(0))
}

#[test]
fn what_is_mistaken_is_refused() {
    for (bend, told) in [
        ("rpc = 'RuntimeService/None'", "no rpc `None`"),
        ("rpc = 'RuntimeService/Version'\nhung = true", "unknown field `hung`"),
        ("rpc = 'RuntimeService/Version'\nreply = { clear = ['name'] }", "no field `name`"),
        ("rpc = 'RuntimeService/Version'\nreply = { clear = ['version[0]'] }", "brackets"),
        ("rpc = 'RuntimeService/ListContainers'\nreply = { clear = ['containers[x]'] }", "[x]"),
        ("rpc = 'RuntimeService/ListContainers'\nreply = { clear = ['containers[*'] }", "without"),
        ("rpc = 'RuntimeService/Version'\nanswer = { code = 'GONE' }", "no code `GONE`"),
        ("rpc = 'RuntimeService/Version'\nanswer = { bytes = '0g' }", "hexadecimal"),
        ("rpc = 'RuntimeService/Version'\nwhen = 'nth >'", "Syntax error"),
        ("rpc = 'RuntimeService/Version'\nalso = [{ rpc = 'X/Y' }]", "no service `X`"),
        ("rpc = 'RuntimeService/Version'\nwhen = \"request.name == ''\"", "no field `name`"),
        ("rpc = 'RuntimeService/Version'\nwhen = 'has(reply.version)'", "`reply` is not known"),
        ("rpc = 'RuntimeService/Version'\nwhen = 'nth + 1'", "no yes or no"),
        ("rpc = 'RuntimeService/Version'\nwhen = 'size(earlier.None) > 0'", "no `None`"),
        ("rpc = 'RuntimeService/Version'\nstatus = { when = \"status == 'OK'\" }", "`status`"),
        ("rpc = 'RuntimeService/Version'\nreply = { set = { version = 5 } }", "takes text"),
        ("rpc = 'RuntimeService/Version'\nanswer = { reply = { name = '' } }", "no field `name`"),
        (
            "rpc = 'RuntimeService/ListContainers'\n\
             reply = { set = { 'containers[*].state' = 'CONTAINER_GONE' } }",
            "no value `CONTAINER_GONE`",
        ),
        (
            "rpc = 'RuntimeService/ListContainers'\n\
             reply = { add = { containers = [{ name = '${nth}' }] } }",
            "no field `name`",
        ),
        (
            "rpc = 'RuntimeService/ListContainers'\n\
             reply = { keep = { containers = \"item.name == ''\" } }",
            "no field `name`",
        ),
        (
            "rpc = 'RuntimeService/ListContainers'\n\
             reply = { clear = [\"containers[?item.name == ''].labels\"] }",
            "no field `name`",
        ),
    ] {
        let why = rule(bend).err().unwrap_or_else(|| panic!("{bend} is taken"));
        assert!(why.contains(told), "{bend}: {why}");
    }
}

#[test]
fn no_committed_rule_is_mistaken() {
    for of in ["defects/cri", "defects/real", "oddities/cri"] {
        let all = read_folder(&folder(of)).unwrap_or_else(|why| panic!("{why}"));
        assert!(!all.is_empty(), "{of} is empty");
        for difference in &all {
            Rule::new(difference).unwrap_or_else(|why| panic!("{of}: {why}"));
        }
    }
}

/// What a double answers that has three containers and differs like that.
async fn listed(bend: &str, times: usize) -> Vec<Result<Vec<Container>, Code>> {
    let rule = rule(bend).unwrap_or_else(|why| panic!("{why}"));
    let answers = answers(&rule, times).await.into_iter().map(|answer| {
        let list = answer.reply().map(|reply| reply.transcode_to::<ListContainersResponse>());
        match list {
            Some(list) => Ok(list.expect("the same message").containers),
            None => Err(answer.code),
        }
    });
    let answers = answers.collect();
    assert_eq!(rule.complaints(), Vec::<String>::new(), "{bend}");
    answers
}

/// The answers of such a double as they came.
async fn answers(rule: &Rule, times: usize) -> Vec<Answer> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let double = Double::start(folder.path());
    double.store.put(three);
    double.bend(rule);
    let endpoint = double.socket.display().to_string().parse().expect("a path");
    let grpc = Grpc::new(endpoint, PendingClock::default());
    let method = rpc::find("runtime.v1", "RuntimeService/ListContainers").expect("an rpc");
    let mut answers = Vec::new();
    for _ in 0..times {
        let request = DynamicMessage::new(method.input());
        answers.push(grpc.call(&method, &request, Duration::from_secs(60)).await);
    }
    answers
}

fn three(state: &mut State) {
    for (at, label) in [" One ", "two", ""].into_iter().enumerate() {
        let mut container = double::Container {
            id: format!("id-{at}"),
            created_at: i64::try_from(at).expect("small") * 10,
            ..double::Container::default()
        };
        container.config.metadata = Some(ContainerMetadata { name: "n".into(), attempt: 0 });
        container.config.labels.insert("a.b".into(), label.into());
        state.containers.push(container);
    }
}

/// The containers as text: id, label and time of creation.
fn seen(containers: &[Container]) -> Vec<String> {
    let line = |one: &Container| {
        let label = one.labels.get("a.b").map_or("-", String::as_str);
        format!("{} {label:?} {}", one.id, one.created_at)
    };
    containers.iter().map(line).collect()
}

#[tokio::test]
async fn each_change_does_what_it_says() {
    for (edits, expected) in [
        (
            "set = { 'containers[0].created_at' = 5 }",
            vec!["id-0 \" One \" 5", "id-1 \"two\" 10", "id-2 \"\" 20"],
        ),
        (
            "set = { 'containers[*].id' = '${old}-${reply.containers[2].id}' }",
            vec!["id-0-id-2 \" One \" 0", "id-1-id-2 \"two\" 10", "id-2-id-2 \"\" 20"],
        ),
        (
            "set = { \"containers[?item.labels['a.b'] == 'two'].created_at\" = '${old + 1}' }",
            vec!["id-0 \" One \" 0", "id-1 \"two\" 11", "id-2 \"\" 20"],
        ),
        (
            "set = { \"containers[2].labels['a.b']\" = 'x' }",
            vec!["id-0 \" One \" 0", "id-1 \"two\" 10", "id-2 \"x\" 20"],
        ),
        (
            "clear = [\"containers[1].labels['a.b']\", 'containers[0]']",
            vec!["id-1 \"-\" 10", "id-2 \"\" 20"],
        ),
        ("keep = { containers = 'item.created_at > 5 && key < 2' }", vec!["id-1 \"two\" 10"]),
        (
            "keep = { 'containers[*].labels' = \"item != ''\" }",
            vec!["id-0 \" One \" 0", "id-1 \"two\" 10", "id-2 \"-\" 20"],
        ),
        (
            "add = { containers = [{ id = 'more' }] }",
            vec!["id-0 \" One \" 0", "id-1 \"two\" 10", "id-2 \"\" 20", "more \"-\" 0"],
        ),
        ("repeat = { containers = 0 }", vec![]),
        (
            "alter = { 'containers[*].labels' = 'trim', 'containers[1].id' = 'half' }",
            vec!["id-0 \"One\" 0", "id \"two\" 10", "id-2 \"\" 20"],
        ),
        (
            "when = 'size(reply.containers) > 3', repeat = { containers = 2 }",
            vec!["id-0 \" One \" 0", "id-1 \"two\" 10", "id-2 \"\" 20"],
        ),
    ] {
        let bend = format!("rpc = 'RuntimeService/ListContainers'\nreply = {{ {edits} }}");
        let answers = listed(&bend, 1).await;
        assert_eq!(seen(answers[0].as_ref().expect("OK")), expected, "{edits}");
    }
}

#[tokio::test]
async fn calls_are_counted_and_remembered() {
    let second =
        "rpc = 'RuntimeService/ListContainers'\nwhen = 'nth == 2'\nanswer = { code = 'ABORTED' }";
    let codes: Vec<bool> = listed(second, 3).await.iter().map(Result::is_ok).collect();
    assert_eq!(codes, [true, false, true]);

    let after = "rpc = 'RuntimeService/ListContainers'\n\
                 when = 'size(earlier.ListContainers) == 1'\nreply = { clear = ['containers'] }";
    let sizes: Vec<usize> =
        listed(after, 3).await.iter().map(|answer| answer.as_ref().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [3, 0, 3]);
}

#[tokio::test]
async fn a_further_call_follows_and_the_first_answer_can_be_kept() {
    let further = "rpc = 'RuntimeService/ListContainers'\n\
                   also = [{ rpc = 'RuntimeService/RemoveContainer', with = { container_id = '$reply.containers[0].id' } }]";
    let sizes = |answers: Vec<Result<Vec<Container>, Code>>| -> Vec<usize> {
        answers.iter().map(|answer| answer.as_ref().map_or(0, Vec::len)).collect()
    };
    assert_eq!(sizes(listed(further, 3).await), [3, 2, 1]);
    assert_eq!(sizes(listed(&format!("{further}\nstale = true"), 3).await), [3, 3, 3]);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_it_was_served() {
    let lost =
        "rpc = 'RuntimeService/ListContainers'\nanswer = { served = true, bytes = '0a 02 0a 00' }";
    assert_eq!(seen(listed(lost, 1).await[0].as_ref().expect("OK")), [" \"-\" 0"]);
}

#[tokio::test]
async fn a_status_can_be_what_no_code_says() {
    for (status, number, details) in [
        ("number = 17", 17, false),
        ("details = '1a 03 0a 01 78'", 0, true),
        // Code and text once more, and no details.
        ("details = '08 05 12 04 67 6f 6e 65'", 0, false),
        ("when = \"code != 'OK'\", number = 17", 0, false),
    ] {
        let bend = format!("rpc = 'RuntimeService/ListContainers'\nstatus = {{ {status} }}");
        let answer = answers(&rule(&bend).expect("a sound rule"), 1).await.remove(0);
        assert_eq!((answer.number, answer.details), (number, details), "{status}");
    }
    let lost = rule("rpc = 'RuntimeService/ListContainers'\nstatus = { lost = true }");
    let answer = answers(&lost.expect("a sound rule"), 1).await.remove(0);
    assert!(matches!(answer.outcome, Outcome::Broken(_)), "{answer:?}");
}

#[tokio::test]
async fn what_a_rule_did_is_noted() {
    for (bend, changed, wrong) in [
        ("reply = { clear = ['containers'] }", vec![0], false),
        ("reply = { clear = ['next'] }", vec![], true),
        ("when = 'nth > 1'\nreply = { clear = ['containers'] }", vec![], false),
        ("reply = { set = { 'containers[*].id' = '$old' } }", vec![], false),
        ("reply = { repeat = { 'containers[*].labels' = 2 } }", vec![], true),
        ("delay_ms = 1", vec![0], false),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("rule.notes");
        let bend = format!("rpc = 'RuntimeService/List*'\n{bend}");
        let text = format!("[[defect]]\nname = 'x'\nsays = 'X.'\n[[defect.bends]]\n{bend}");
        let difference = read_text("test", &text).expect("it can be read").remove(0);
        let rule = Rule::noting(&difference, Notes::into_file(&file)).expect("a sound rule");
        answers(&rule, 1).await;
        let notes = Notes::read(&file);
        assert_eq!(notes.changed.into_iter().collect::<Vec<_>>(), changed, "{bend}");
        assert_eq!(!notes.complaints.is_empty(), wrong, "{bend}: {:?}", notes.complaints);
    }
}
