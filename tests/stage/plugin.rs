//! A real plugin on a stage, and packet filter rules.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use stdcheck::stage::wire::Execution;

use crate::support::{run, shell, stage};

/// Where the plugins are, if they are.
fn plugins() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let peers = std::fs::read_dir(home.join(".cache/stdcheck/peers")).into_iter().flatten();
    let fetched = peers.flatten().map(|peer| peer.path().join("usr/lib/cni"));
    let mut folders = fetched.chain([PathBuf::from("/usr/lib/cni"), "/opt/cni/bin".into()]);
    folders.find(|folder| folder.join("bridge").exists() && folder.join("host-local").exists())
}

fn bridge(folder: &Path, command: &str) -> Execution {
    let config = r#"{"cniVersion": "1.0.0", "name": "n", "type": "bridge", "bridge": "cni0",
        "isGateway": true, "ipMasq": true,
        "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]}}"#;
    let folder = folder.display().to_string();
    let env = [
        ("CNI_COMMAND", command),
        ("CNI_CONTAINERID", "id1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", &folder),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    Execution {
        program: Path::new(&folder).join("bridge"),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stdin: config.into(),
        ..Execution::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_is_seen_to_come_and_go() {
    let Some(folder) = plugins() else {
        println!("not tested: there are no plugins here");
        return;
    };
    let Some(stage) = stage().await else { return };
    let masquerades = stage.exec(shell("iptables -t nat -S", 20_000)).await.unwrap();
    if masquerades.exit != Some(0) {
        println!("not tested: iptables does not work here: {masquerades:?}");
        return;
    }
    stage.make_namespace("c1").await.unwrap();
    stage.mark("m").await.unwrap();
    let added = stage.exec(bridge(&folder, "ADD")).await.unwrap();
    assert_eq!(added.exit, Some(0), "{added:?}");
    let changes = stage.since("m").await.unwrap();
    assert!(changes.host.iter().any(|told| told == "link cni0 of the host is new"), "{changes:?}");
    let address = "address 10.1.0.2/16 is new on eth0 in the namespace c1";
    assert!(changes.containers.iter().any(|told| told == address), "{changes:?}");
    let file = "file /var/lib/cni/networks/n/10.1.0.2 is new";
    assert!(changes.files.iter().any(|told| told == file), "{changes:?}");
    let mut rules = changes.rules.iter();
    assert!(rules.any(|told| told.contains("rule") && told.contains("CNI-")), "{changes:?}");

    stage.mark("added").await.unwrap();
    let deleted = stage.exec(bridge(&folder, "DEL")).await.unwrap();
    assert_eq!(deleted.exit, Some(0), "{deleted:?}");
    let changes = stage.settled("m", Duration::from_millis(500)).await.unwrap();
    assert_eq!(changes.rules, [""; 0]);
    assert_eq!(changes.containers, [""; 0]);
    let gone = stage.since("added").await.unwrap();
    assert!(gone.containers.iter().any(|told| told.contains("is gone from eth0")), "{gone:?}");
    assert!(gone.rules.iter().any(|told| told.contains("is gone")), "{gone:?}");

    assert_eq!(stage.exec(bridge(&folder, "ADD")).await.unwrap().exit, Some(0));
    stage.flush_rules().await.unwrap();
    assert_eq!(stage.since("m").await.unwrap().rules, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_rules_are_seen_too() {
    let Some(stage) = stage().await else { return };
    stage.mark("m").await.unwrap();
    let script = "iptables-legacy -N MINE && iptables-legacy -A MINE -s 10.1.0.2 -j RETURN";
    let made = stage.exec(shell(script, 20_000)).await.unwrap();
    if made.exit != Some(0) {
        println!("not tested: there are no legacy tables here: {made:?}");
        return;
    }
    let changes = stage.since("m").await.unwrap();
    assert_eq!(
        changes.rules,
        [
            "chain MINE in table ip filter (legacy) is new",
            "rule `-A MINE -s 10.1.0.2/32 -j RETURN` in table ip filter (legacy) is new",
        ]
    );
    stage.flush_rules().await.unwrap();
    assert_eq!(stage.since("m").await.unwrap().rules, [""; 0]);
    run(&stage, "! test -e /run/xtables.lock || rm /run/xtables.lock").await;
}
