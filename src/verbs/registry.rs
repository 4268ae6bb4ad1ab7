//! The verbs that a standard's suite may use.

use super::{Verb, cni, cri, host, image, net, target};

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
    net::FREE_PORT,
    cri::pid::PID,
    cri::stop::OVERLAPPING_STOP,
    cri::sweep::SWEEP,
    cni::WITHOUT_CONFIG,
    cni::RECORD,
    cni::CALLS,
    target::RESTART,
];
