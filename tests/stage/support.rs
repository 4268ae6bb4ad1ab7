//! A stage for a test.

use std::path::PathBuf;

use stdcheck::stage::{
    Stage, StageOptions,
    wire::{Bytes, Execution, LinkOp, Setup},
};

pub const STATE: &str = "/var/lib/cni";
pub const SCRATCH: &str = "/run/stdcheck-delegate";

/// A stage; none, with the reason printed, where the system does not allow one. Root is always allowed.
pub async fn stage() -> Option<Stage> {
    let options = StageOptions {
        program: Some(PathBuf::from(env!("CARGO_BIN_EXE_stdcheck"))),
        setup: Setup {
            state_folders: vec!["/run/cni".into(), STATE.into()],
            scratch_folders: vec![SCRATCH.into(), "/var/lib/stdcheck-missing/deep".into()],
        },
    };
    match Stage::start(&options).await {
        Ok(stage) => Some(stage),
        Err(why) if nix::unistd::geteuid().is_root() => panic!("{why}"),
        Err(why) => {
            println!("not tested: {why}");
            None
        }
    }
}

/// A shell script with a time limit.
pub fn shell(script: &str, timeout_ms: u64) -> Execution {
    Execution {
        program: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())],
        timeout_ms,
        ..Execution::default()
    }
}

/// Runs a shell script that must succeed, and gives what it wrote.
pub async fn run(stage: &Stage, script: &str) -> String {
    let done = stage.exec(shell(script, 20_000)).await.unwrap();
    assert_eq!(done.exit, Some(0), "{script}: {done:?}");
    done.stdout.text()
}

pub fn text(bytes: &Bytes) -> String {
    bytes.text()
}

/// A pair of links between the host and a namespace, with addresses `host` and `container`.
pub async fn pair(stage: &Stage, namespace: &str, link: &str, host: &str, container: &str) {
    let veth = LinkOp::AddVeth {
        name: link.to_owned(),
        peer: "eth0".to_owned(),
        peer_namespace: Some(namespace.to_owned()),
    };
    stage.link(None, veth).await.unwrap();
    for (namespace, dev, address) in [(None, link, host), (Some(namespace), "eth0", container)] {
        let dev = dev.to_owned();
        let address = address.to_owned();
        stage.link(namespace, LinkOp::AddAddress { dev: dev.clone(), address }).await.unwrap();
        stage.link(namespace, LinkOp::Up { dev }).await.unwrap();
    }
}

/// A link that is alone.
pub async fn bridge(stage: &Stage, namespace: Option<&str>, name: &str) {
    stage.link(namespace, LinkOp::AddBridge { name: name.to_owned() }).await.unwrap();
}
