//! The verbs that a standard's suite may use.

use super::{Verb, canary, cgroup, cni, cri, host, image, net, skip, target, text};

/// All verbs of a standard, none for one that we do not know.
pub fn of(standard: &str) -> &'static [Verb] {
    match standard {
        "cri" => CRI,
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
    cni::WITHOUT_CONFIG,
    cni::RECORD,
    cni::CALLS,
    target::RESTART,
    skip::UNLESS,
];
