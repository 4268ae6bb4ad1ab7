//! Traffic, settings and daemons.

use std::{path::Path, time::Duration};

use stdcheck::stage::wire::{Connect, Daemon, LinkOp, NewLink, Ping, Protocol, Throughput};

use crate::support::{pair, stage};

fn tcp(listen: &str, dial: &str) -> Connect {
    Connect {
        protocol: Protocol::Tcp,
        listen: Some("c1".to_owned()),
        listen_address: listen.parse().unwrap(),
        from: None,
        from_address: None,
        dial_address: dial.parse().unwrap(),
        timeout_ms: 10_000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_echoes_come_through_or_not() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    pair(&stage, "c1", "veth7", "10.1.0.1/24", "10.1.0.2/24").await;
    let open = tcp("10.1.0.2:80", "10.1.0.2:80");
    let done = stage.connect(open.clone()).await.unwrap();
    assert!(done.through && done.seen_peer.as_ref().unwrap().starts_with("10.1.0.1:"), "{done:?}");
    let udp = Connect { protocol: Protocol::Udp, ..open.clone() };
    let done = stage.connect(udp.clone()).await.unwrap();
    assert!(done.through && done.seen_peer.as_ref().unwrap().starts_with("10.1.0.1:"), "{done:?}");
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let closed = Connect { protocol, timeout_ms: 700, ..tcp("10.1.0.2:80", "10.1.0.2:81") };
        let done = stage.connect(closed).await.unwrap();
        assert!(!done.through && !done.heard && done.why.is_some(), "{done:?}");
    }
    let nowhere = stage.connect(tcp("10.1.0.2:80", "192.0.2.1:80")).await.unwrap();
    assert!(nowhere.why.as_ref().unwrap().contains("192.0.2.1:80"), "{nowhere:?}");

    let ping = |to: &str| Ping { from: None, to: to.parse().unwrap(), timeout_ms: 3000 };
    let done = stage.ping(ping("10.1.0.2")).await.unwrap();
    assert!(done.through, "{done:?}");
    let silent = stage.ping(Ping { timeout_ms: 300, ..ping("10.1.0.77") }).await.unwrap();
    assert!(!silent.through && silent.why.is_some(), "{silent:?}");
    let unreachable = stage.ping(Ping { timeout_ms: 300, ..ping("192.0.2.1") }).await.unwrap();
    assert!(!unreachable.through, "{unreachable:?}");

    let throughput = Throughput {
        listen: Some("c1".to_owned()),
        listen_address: "10.1.0.2:90".parse().unwrap(),
        from: None,
        dial_address: "10.1.0.2:90".parse().unwrap(),
        reverse: false,
        bytes: 10_000_000,
        timeout_ms: 20_000,
    };
    for reverse in [false, true] {
        let done = stage.throughput(Throughput { reverse, ..throughput.clone() }).await.unwrap();
        assert_eq!(done.bytes, 10_000_000);
        assert!(done.bits_per_second > 1_000_000, "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_reaches_containers_by_the_host() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    pair(&stage, "c1", "veth7", "10.1.0.1/24", "10.1.0.2/24").await;
    stage.world().await.unwrap();
    let dst = "default".to_owned();
    let gateway = Some("10.1.0.1".parse().unwrap());
    let route = LinkOp::AddRoute { dst, gateway, dev: None, table: None };
    stage.link(Some("c1"), route).await.unwrap();
    let from_outside =
        Connect { from: Some("world".to_owned()), ..tcp("10.1.0.2:80", "10.1.0.2:80") };
    let done = stage.connect(from_outside).await.unwrap();
    assert!(done.seen_peer.as_ref().unwrap().starts_with("198.51.100.2:"), "{done:?}");
    let ping =
        Ping { from: Some("c1".to_owned()), to: "198.51.100.2".parse().unwrap(), timeout_ms: 5000 };
    assert!(stage.ping(ping).await.unwrap().through);
    let six = Ping { from: None, to: "2001:db8:77::2".parse().unwrap(), timeout_ms: 5000 };
    assert!(stage.ping(six).await.unwrap().through);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_each_namespaces_own() {
    let Some(stage) = stage().await else { return };
    stage.make_namespace("c1").await.unwrap();
    let name = "net.ipv4.ip_forward";
    assert_eq!(stage.sysctl(Some("c1"), name, Some("1")).await.unwrap(), "1");
    assert_eq!(stage.sysctl(None, name, Some("0")).await.unwrap(), "0");
    assert_eq!(stage.sysctl(Some("c1"), name, None).await.unwrap(), "1");
    assert!(stage.sysctl(None, "net.no.such", None).await.unwrap_err().contains("net.no.such"));
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_links_are_made_or_refused() {
    let Some(stage) = stage().await else { return };
    let new = |name: &str, kind: &str| NewLink {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ..NewLink::default()
    };
    stage.link(None, LinkOp::AddBridge { name: "br7".to_owned() }).await.unwrap();
    let (name, peer) = ("d0".to_owned(), "d9".to_owned());
    let veth = LinkOp::AddVeth { name, peer, peer_namespace: None };
    stage.link(None, veth).await.unwrap();
    let master = Some("br7".to_owned());
    stage.link(None, LinkOp::SetMaster { dev: "d0".to_owned(), master }).await.unwrap();
    for (name, kind) in
        [("m0", "macvlan"), ("v0", "vlan"), ("t0", "tap"), ("f0", "vrf"), ("u0", "dummy")]
    {
        let parent = matches!(kind, "macvlan" | "vlan").then(|| "br7".to_owned());
        let made = stage
            .link(None, LinkOp::AddKind(NewLink { parent, id: Some(7), ..new(name, kind) }))
            .await;
        // Not every kernel has every kind.
        println!("{kind}: {made:?}");
    }
    let view = stage.look(None).await.unwrap();
    assert_eq!(view.link("br7").unwrap().kind, "bridge");
    assert_eq!(view.link("d0").unwrap().master.as_deref(), Some("br7"));
    // Where the kernel has bridges with VLANs, a port is in the first one.
    let port = view.link("d0").unwrap();
    println!("VLANs of a port: {:?} {:?}", port.vlans, port.details);
    if let Some(vlan) = view.link("v0") {
        assert_eq!(vlan.details["vlan_id"], 7);
    }
    let refused = stage.link(None, LinkOp::AddKind(new("x0", "nosuchkind"))).await.unwrap_err();
    assert!(refused.contains("nosuchkind") && !refused.contains('\n'), "{refused}");
    stage.make_namespace("c1").await.unwrap();
    let to = Some("c1".to_owned());
    stage.link(None, LinkOp::Move { dev: "d0".to_owned(), to }).await.unwrap();
    let rename = LinkOp::Rename { dev: "d0".to_owned(), name: "d1".to_owned() };
    stage.link(Some("c1"), rename).await.unwrap();
    let alias = LinkOp::SetAlias { dev: "d1".to_owned(), alias: "mine".to_owned() };
    stage.link(Some("c1"), alias).await.unwrap();
    stage.link(Some("c1"), LinkOp::DeleteQdiscs { dev: "d1".to_owned() }).await.unwrap();
    assert_eq!(stage.look(Some("c1")).await.unwrap().link("d1").unwrap().alias, "mine");
    assert!(stage.look(None).await.unwrap().link("d0").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_run_until_they_are_stopped() {
    let Some(stage) = stage().await else { return };
    stage.mark("m").await.unwrap();
    let daemon = |script: &str| Daemon {
        program: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
    };
    let file = Path::new("/run/stdcheck-delegate/up");
    let script = "echo begins; sleep 0.1; touch /run/stdcheck-delegate/up; exec sleep 1237";
    let id = stage.start_daemon(daemon(script)).await.unwrap();
    assert!(stage.await_path(file, Duration::from_secs(20)).await.unwrap());
    assert!(!stage.await_path(Path::new("/nowhere"), Duration::from_millis(20)).await.unwrap());
    let changes = stage.since("m").await.unwrap();
    assert!(changes.is_empty(), "{changes:?}");
    let stopped = stage.stop_daemon(id).await.unwrap();
    assert_eq!((stopped.signal, stopped.already, stopped.killed), (Some(15), false, false));
    assert_eq!(stopped.output.text(), "begins\n");
    assert!(stage.stop_daemon(id).await.is_err());

    let waits = "until [ -e /run/stdcheck-delegate/go ]; do sleep 0.01; done; exit 4";
    let id = stage.start_daemon(daemon(waits)).await.unwrap();
    stage.mark("m").await.unwrap();
    stage.write(Path::new("/run/stdcheck-delegate/go"), b"", 0o600).await.unwrap();
    let ended = loop {
        if let Some(told) = stage.since("m").await.unwrap().processes.pop() {
            break told;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(ended.ends_with(", a daemon, has ended"), "{ended}");
    let stopped = stage.stop_daemon(id).await.unwrap();
    assert!(stopped.already && stopped.exit == Some(4), "{stopped:?}");
    let deaf = "trap '' TERM; touch /run/stdcheck-delegate/deaf; while :; do sleep 0.05; done";
    let id = stage.start_daemon(daemon(deaf)).await.unwrap();
    let file = Path::new("/run/stdcheck-delegate/deaf");
    assert!(stage.await_path(file, Duration::from_secs(20)).await.unwrap());
    let stopped = stage.stop_daemon(id).await.unwrap();
    assert!(stopped.killed && stopped.signal == Some(9), "{stopped:?}");
}
