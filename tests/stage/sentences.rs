//! What is told of changes.

use std::{path::Path, time::Duration};

use stdcheck::stage::{
    Stage,
    wire::{Changes, LinkOp},
};

use crate::support::{SCRATCH, STATE, bridge, pair, run, stage};

async fn since(stage: &Stage) -> Changes {
    stage.since("m").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn links_addresses_routes_and_rules_are_named() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    stage.mark("m").await.unwrap();
    assert!(since(&stage).await.is_empty());
    pair(&stage, "c1", "veth7", "10.1.0.1/24", "10.1.0.2/24").await;
    let gateway = Some("10.1.0.1".parse().unwrap());
    let dst = || "default".to_owned();
    let route = LinkOp::AddRoute { dst: dst(), gateway, dev: None, table: None };
    stage.link(Some("c1"), route).await.unwrap();
    let rule = LinkOp::AddRule { source: "10.1.0.2/32".to_owned(), table: 100, priority: 500 };
    stage.link(Some("c1"), rule).await.unwrap();
    let changes = since(&stage).await;
    assert_eq!(
        changes.host,
        [
            "link veth7 of the host is new",
            "address 10.1.0.1/24 is new on veth7 of the host",
            "route 10.1.0.0/24 over veth7 from 10.1.0.1 is new on the host",
        ]
    );
    assert_eq!(
        changes.containers,
        [
            "link eth0 in the namespace c1 is new",
            "address 10.1.0.2/24 is new on eth0 in the namespace c1",
            "route 0.0.0.0/0 via 10.1.0.1 over eth0 is new in the namespace c1",
            "route 10.1.0.0/24 over eth0 from 10.1.0.2 is new in the namespace c1",
            "routing rule 500 from 10.1.0.2/32 lookup table 100 (IPv4) is new in the namespace c1",
        ]
    );

    stage.mark("m").await.unwrap();
    let dev = || "eth0".to_owned();
    for op in [
        LinkOp::RemoveRoute { dst: dst(), table: None },
        LinkOp::FlushRules,
        LinkOp::SetMtu { dev: dev(), mtu: 1400 },
        LinkOp::FlushAddresses { dev: dev() },
        LinkOp::Down { dev: dev() },
        LinkOp::SetMac { dev: dev(), mac: "02:00:00:00:00:07".to_owned() },
    ] {
        stage.link(Some("c1"), op).await.unwrap();
    }
    let changes = since(&stage).await;
    assert_eq!(changes.host, [""; 0]);
    let expected = [
        "link eth0 in the namespace c1: its state was `up` and is `down`",
        "link eth0 in the namespace c1: its MTU was `1500` and is `1400`",
        "address 10.1.0.2/24 is gone from eth0 in the namespace c1",
        "route 0.0.0.0/0 via 10.1.0.1 over eth0 is gone from the namespace c1",
        "route 10.1.0.0/24 over eth0 from 10.1.0.2 is gone from the namespace c1",
        "routing rule 500 from 10.1.0.2/32 lookup table 100 (IPv4) is gone from the namespace c1",
    ];
    for sentence in expected {
        assert!(changes.containers.iter().any(|told| told == sentence), "{sentence}: {changes:?}");
    }
    assert_eq!(changes.containers.len(), expected.len() + 1, "{changes:?}");
    assert_eq!(
        stage.look(Some("c1")).await.unwrap().link("eth0").unwrap().mac,
        "02:00:00:00:00:07"
    );

    stage.mark("m").await.unwrap();
    stage.link(Some("c1"), LinkOp::Delete { dev: dev() }).await.unwrap();
    let changes = since(&stage).await;
    assert!(changes.host.contains(&"link veth7 of the host is gone".to_owned()), "{changes:?}");
    assert_eq!(changes.containers, ["link eth0 in the namespace c1 is gone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_mounts_and_processes_are_named() {
    let Some(stage) = stage().await else { return };
    let file = Path::new(STATE).join("networks/n/10.1.0.2");
    stage.mark("m").await.unwrap();
    stage.write(&file, b"id", 0o600).await.unwrap();
    stage.write(&Path::new(SCRATCH).join("log"), b"not counted", 0o600).await.unwrap();
    run(&stage, "mkdir /run/cni/m && mount -t tmpfs none /run/cni/m").await;
    run(&stage, "sleep 1236 >/dev/null 2>&1 &").await;
    let changes = since(&stage).await;
    assert_eq!(
        changes.files,
        [
            "file /run/cni/m is new",
            "file /var/lib/cni/networks is new",
            "file /var/lib/cni/networks/n is new",
            "file /var/lib/cni/networks/n/10.1.0.2 is new",
            "mount of tmpfs at /run/cni/m is new",
        ]
    );
    assert!(changes.processes[0].ends_with("(sleep 1236) is new and still runs"), "{changes:?}");
    stage.mark("m").await.unwrap();
    stage.write(&file, b"other content", 0o600).await.unwrap();
    assert!(since(&stage).await.is_empty());
    assert_eq!(stage.read(&file).await.unwrap(), b"other content");
    let stated = stage.stat(&file).await.unwrap().unwrap();
    assert_eq!((stated.kind.as_str(), stated.size, stated.mode), ("file", 13, 0o600));
    stage.remove(&Path::new(STATE).join("networks")).await.unwrap();
    assert_eq!(since(&stage).await.files.len(), 3);
    assert_eq!(stage.list(Path::new(STATE)).await.unwrap().len(), 0);
    assert_eq!(stage.stat(&file).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_themselves_are_no_changes() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    bridge(&stage, Some("c1"), "d0").await;
    stage.mark("m").await.unwrap();
    stage.make_namespace("c2").await.unwrap();
    bridge(&stage, Some("c2"), "d0").await;
    stage.remove_namespace("c1").await.unwrap();
    assert!(since(&stage).await.is_empty());
    assert!(stage.make_namespace("c2").await.unwrap_err().contains("c2"));
    // Another one of the same name.
    stage.make_namespace("c1").await.unwrap();
    assert!(since(&stage).await.is_empty());
    assert!(stage.look(Some("c3")).await.unwrap_err().contains("c3"));
    for name in ["", "..", "a/b"] {
        assert!(stage.make_namespace(name).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_namespace_is_a_plain_file() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    pair(&stage, "c1", "veth7", "10.1.0.1/24", "10.1.0.2/24").await;
    let kind = "stat -f -c %T /run/netns/c1";
    assert_eq!(run(&stage, kind).await, "nsfs\n");
    stage.mark("m").await.unwrap();
    stage.stale_namespace("c1").await.unwrap();
    assert_eq!(run(&stage, kind).await, "tmpfs\n");
    // Nobody holds the namespace any more, so the other end of its link goes, too.
    stage.mark("gone").await.unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while stage.look(None).await.unwrap().link("veth7").is_some() {
        assert!(std::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_nobody_made_is_told_of() {
    let Some(stage) = stage().await else { return };
    assert_eq!(stage.since("other").await.unwrap_err(), "there is no mark other");
}
