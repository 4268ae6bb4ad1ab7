//! What a run must not change on the machine: its own links, routes and mounts.

use std::collections::BTreeSet;

#[derive(Debug, PartialEq, Eq)]
pub struct State {
    links: BTreeSet<String>,
    routes: String,
    mounts: BTreeSet<String>,
}

impl State {
    pub fn now() -> State {
        let links = std::fs::read_dir("/sys/class/net")
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let routes = std::fs::read_to_string("/proc/self/net/route").unwrap();
        // Peers of tests beside this one come and go with their own temporary folders.
        let mounts = std::fs::read_to_string("/proc/self/mounts")
            .unwrap()
            .lines()
            .filter(|line| !line.contains("/sc-peer-"))
            .map(str::to_owned)
            .collect();
        State { links, routes, mounts }
    }

    pub fn assert_same(&self) {
        assert_eq!(*self, State::now());
    }
}
