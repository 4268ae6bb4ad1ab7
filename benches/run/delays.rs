//! Makes the double as slow as a real runtime.

use std::time::Duration;

use crate::double::{Bend, Bends, Call, Deed};

/// What containerd 2.1 takes on a machine of two cores, milliseconds.
const TAKES: [(&str, f64); 8] = [
    ("RuntimeService/RunPodSandbox", 180.0),
    ("RuntimeService/StopPodSandbox", 160.0),
    ("RuntimeService/RemovePodSandbox", 35.0),
    ("RuntimeService/CreateContainer", 25.0),
    ("RuntimeService/StartContainer", 65.0),
    ("RuntimeService/StopContainer", 60.0),
    ("RuntimeService/ExecSync", 45.0),
    ("ImageService/PullImage", 210.0),
];
/// The same for every other rpc.
const ELSE: f64 = 0.5;

struct Slow;

impl Bend for Slow {
    fn before(&self, call: &mut Call) -> Deed {
        let takes =
            TAKES.iter().find(|(rpc, _)| *rpc == call.rpc).map_or(ELSE, |(_, takes)| *takes);
        call.wait = Duration::from_secs_f64(takes / 1e3);
        Deed::Serve
    }
}

/// From now on.
pub fn on(bends: &Bends) {
    bends.add_for_all(Slow);
}
