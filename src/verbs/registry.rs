//! The verbs that a standard's suite may use.

use super::{Verb, cgroup, cni, cri, host, image, net, skip, target};

/// All verbs of a standard, none for one that we do not know.
pub fn of(standard: &str) -> &'static [Verb] {
    match standard {
        "cri" => CRI,
        _ => &[],
    }
}

const CRI: &[Verb] = &[
    image::PROVIDE,
    host::READ,
    host::PROCESS,
    net::CONNECT,
    net::LISTENING,
    cgroup::PARENT,
    cgroup::OOM_KILLS,
    net::FREE_PORT,
    net::ADDRESSES,
    cri::pid::PID,
    cri::stop::OVERLAPPING_STOP,
    cri::sweep::SWEEP,
    cri::parallel::PARALLEL_PODS,
    cni::WITHOUT_CONFIG,
    cni::RECORD,
    cni::CALLS,
    target::RESTART,
    skip::UNLESS,
];
