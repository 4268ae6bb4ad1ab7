//! The verbs that a standard's suite may use.

use super::{Verb, canary, cgroup, cni, cri, host, image, net, pod_network, skip, target, text};

/// All verbs of a standard, none for one that we do not know.
pub fn of(standard: &str) -> &'static [Verb] {
    match standard {
        "cri" => CRI,
        "cni" => CNI,
        _ => &[],
    }
}

const CRI: &[Verb] = &[
    image::PROVIDE,
    image::PUBLISH,
    image::REQUESTS,
    image::REPAIR,
    host::READ,
    host::PROCESS,
    canary::CANARY,
    host::STAT,
    net::CONNECT,
    net::LISTENING,
    cgroup::PARENT,
    cgroup::OOM_KILLS,
    net::FREE_PORT,
    net::ADDRESSES,
    cri::log::FOLDER,
    cri::log::READ,
    cri::log::RULER,
    cri::log::NUMBERS,
    cri::log::RENAME,
    cri::log::ROTATE,
    cri::image_fs::IMAGE_FS,
    cri::pid::PID,
    cri::stop::OVERLAPPING_STOP,
    cri::sweep::SWEEP,
    cri::remove_image::REMOVE_IMAGE,
    cri::parallel::PARALLEL_PODS,
    cri::together::TOGETHER,
    cri::codes::CODES,
    cri::raw::RAW,
    cri::survives::SURVIVES,
    cri::events::EVENTS_OF_START,
    text::REPEAT,
    pod_network::WITHOUT_CONFIG,
    pod_network::RECORD,
    pod_network::CALLS,
    target::RESTART,
    skip::UNLESS,
];

const CNI: &[Verb] = &[
    cni::container::MAKE,
    cni::container::END,
    cni::delegate::BEHAVE,
    cni::delegate::CALLS,
    cni::execute::RAW,
    cni::execute::TOGETHER,
    cni::file::READ,
    cni::file::WRITE,
    cni::file::REMOVE,
    cni::file::LIST,
    cni::file::STAT,
    cni::link::CHANGE,
    cni::result::COMPARE,
    cni::rules::FLUSH,
    cni::state::LOOK,
    cni::state::MARK,
    cni::state::SINCE,
    cni::sysctl::SYSCTL,
    cni::tamper::TAMPER,
    cni::traffic::CONNECT,
    cni::traffic::PING,
    cni::traffic::WORLD,
    text::REPEAT,
    skip::UNLESS,
];
