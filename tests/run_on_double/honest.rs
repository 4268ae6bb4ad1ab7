//! A runtime that keeps the definition, and what a run leaves on it.

use stdcheck::proto::cri::v1::{
    ContainerConfig, ContainerMetadata, PodSandboxConfig, PodSandboxMetadata,
};

use crate::{
    double::{Container, Double, DoubleProcess, Image, Sandbox, State, image_id},
    harness::Bench,
};

/// Puts a sandbox, a container and an image there that are somebody else's.
fn move_in(state: &mut State) {
    let image = state.new_id();
    let sandbox = state.new_id();
    let metadata = PodSandboxMetadata {
        name: "web".into(),
        uid: "3c1a".into(),
        // Nearly a name of ours.
        namespace: "stdcheck-others".into(),
        attempt: 0,
    };
    let config = PodSandboxConfig { metadata: Some(metadata), ..PodSandboxConfig::default() };
    let metadata = ContainerMetadata { name: "app".into(), attempt: 0 };
    let container = ContainerConfig { metadata: Some(metadata), ..ContainerConfig::default() };
    state.images.push(Image {
        id: format!("sha256:{image}"),
        tags: vec!["docker.io/library/stdcheck-web:1".into()],
        ..Image::default()
    });
    state.sandboxes.push(Sandbox {
        id: sandbox.clone(),
        config,
        created_at: 1_700_000_000_000_000_000,
        ..Sandbox::default()
    });
    state.containers.push(Container {
        id: state.ids.to_string(),
        sandbox,
        config: container,
        created_at: 1_700_000_000_000_000_000,
        started_at: 1_700_000_000_000_000_000,
        ..Container::default()
    });
}

/// The same but for the count of ids.
fn things(state: State) -> State {
    State { ids: 0, ..state }
}

#[test]
fn is_not_accused_and_everything_of_ours_is_taken_away() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    double.store.put(move_in);
    let before = double.store.state();

    let told = bench.cri(&double.socket, &["--api", "1.37", "-j", "8"]);

    for verdict in ["fail", "error", "warn"] {
        assert_eq!(told.with_verdict(verdict), [], "{verdict}");
    }
    assert_eq!(told.code, 0, "{told:?}");
    let passed = told.ids("pass");
    assert!(passed.len() > 130, "only {} pass", passed.len());
    for (id, reason) in told.with_verdict("skip") {
        assert!(!reason.is_empty(), "{id} is skipped without a reason");
    }
    assert_eq!(told.report["cleanup_failures"], serde_json::json!([]));
    assert_eq!(things(double.store.state()), things(before), "others' things are as they were");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn gets_the_same_verdicts_with_one_job_and_with_eight() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    // Those that wait for time-outs on purpose are left out.
    let select = "cri.* !*cut-* !*killed* !*shortened !*parallel*";
    let [one, eight] = ["1", "8"]
        .map(|jobs| bench.cri(&double.socket, &["--api", "1.37", "--select", select, "-j", jobs]));
    assert_eq!(one.verdicts(), eight.verdicts());
    assert!(one.checks().len() > 150, "{} checks", one.checks().len());
    assert_eq!((one.code, eight.code), (0, 0));
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn is_judged_by_the_oldest_version_where_its_name_is_not_known() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let told = bench.cri(&double.socket, &["--select", "cri.status.handler-names"]);
    assert_eq!(told.report["target"]["api"], "1.25");
    assert_eq!(told.report["target"]["name"], "stdcheck-double");
    let check = told.check("cri.status.handler-names");
    assert_eq!((&check["verdict"], &check["kind"]), (&"skip".into(), &"not-applicable".into()));
    assert!(check["reason"].as_str().is_some_and(|reason| reason.contains("1.30")), "{check}");
}

#[test]
fn an_image_of_the_users_is_pulled_and_removed_again() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let image = "registry.example/team/app:7";
    let arguments = ["--image", image, "--select", "cri.start-container.*"];
    let told = bench.cri(&double.socket, &arguments);
    assert_eq!(told.code, 0, "{:?}", told.with_verdict("error"));
    assert_eq!(told.check("cri.start-container.running")["verdict"], "pass");
    let needs_guest = told.check("cri.start-container.when-exited");
    assert_eq!(needs_guest["kind"], "not-checked", "{needs_guest}");
    assert_eq!(double.bends.calls("ImageService/PullImage"), 1);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn an_image_of_the_users_that_is_there_is_left() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let name = "registry.example/team/app:7";
    let image = Image { id: image_id(name), tags: vec![name.into()], ..Image::default() };
    double.store.put(|state| state.images.push(image));
    let before = double.store.state();
    let arguments = ["--image", name, "--select", "cri.start-container.*"];
    let told = bench.cri(&double.socket, &arguments);
    assert_eq!(told.check("cri.start-container.running")["verdict"], "pass");
    assert_eq!(double.bends.calls("ImageService/PullImage"), 0);
    assert_eq!(things(double.store.state()), things(before));
}

/// A runtime removes an image with all its names: that would take away what is not ours.
#[test]
fn an_image_of_the_users_that_has_another_name_there_is_left_and_told() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let (name, other) = ("registry.example/team/app:7", "registry.example/team/app:stable");
    let image = Image { id: image_id(name), tags: vec![other.into()], ..Image::default() };
    double.store.put(|state| state.images.push(image));
    let arguments = ["--image", name, "--select", "cri.start-container.*"];
    let told = bench.cri(&double.socket, &arguments);
    assert_eq!(told.code, 0, "{:?}", told.with_verdict("error"));
    assert_eq!(double.bends.calls("ImageService/PullImage"), 1);
    assert_eq!(double.bends.calls("ImageService/RemoveImage"), 0);
    let images = double.store.state().images;
    assert!(images.len() == 1 && images[0].tags.contains(&other.to_owned()), "{images:?}");
    let note = told.report["notes"][0].as_str().expect("text");
    assert!(note.starts_with(&format!("--image {name} stays on the node: ")), "{note}");
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let both: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let bench = Bench::new();
            let told = bench.cri(&double.socket, &["--select", "cri.*-sandbox*", "-j", "4"]);
            (told.code, told.with_verdict("fail").len() + told.with_verdict("error").len())
        };
        let runs = [scope.spawn(run), scope.spawn(run)];
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert_eq!(both, [(0, 0), (0, 0)]);
    assert_eq!(double.store.state().counts(), (0, 0, 0));
}

#[test]
fn is_not_accused_where_it_is_restarted_or_might_be_killed() {
    let bench = Bench::new();
    let double = DoubleProcess::start(bench.path(), "");
    let restart = double.restart_command();
    let select = ["*restart*", "*missing*"].map(|slug| ["--select", slug]).concat();
    let more = ["--api", "1.37", "--restart-cmd", &restart, "-j", "4"];
    let told = bench.cri(&double.socket(), &[&select[..], &more].concat());
    for verdict in ["fail", "error", "warn"] {
        assert_eq!(told.with_verdict(verdict), [], "{verdict}");
    }
    assert_eq!(told.check("cri.runtime-config.static-across-restart")["verdict"], "pass");
    assert_eq!(told.check("cri.create-container.missing[config]")["verdict"], "pass");
    assert_eq!(told.report["deaths"], serde_json::json!([]));
    assert_eq!(double.state().counts(), (0, 0, 0));
}
