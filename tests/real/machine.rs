//! What a run must not change on the machine: its own links, routes and mounts.

use std::collections::BTreeSet;

#[derive(Debug)]
pub struct State(BTreeSet<String>);

impl State {
    pub fn now() -> State {
        let mut facts = BTreeSet::new();
        for entry in std::fs::read_dir("/sys/class/net").unwrap() {
            facts.insert(format!("link {}", entry.unwrap().file_name().display()));
        }
        for line in std::fs::read_to_string("/proc/self/net/route").unwrap().lines() {
            facts.insert(format!("route {}", line.trim_end()));
        }
        // Daemons of others come and go in temporary folders and with named namespaces.
        let passing = [std::env::temp_dir().display().to_string(), "/run/netns".to_owned()];
        for line in std::fs::read_to_string("/proc/self/mounts").unwrap().lines() {
            if !passing.iter().any(|folder| line.contains(folder.as_str())) {
                facts.insert(format!("mount {line}"));
            }
        }
        State(facts)
    }

    pub fn assert_same(&self) {
        let now = State::now();
        let changed: Vec<&String> = self.0.symmetric_difference(&now.0).collect();
        assert!(changed.is_empty(), "the machine has changed: {changed:#?}");
    }
}
