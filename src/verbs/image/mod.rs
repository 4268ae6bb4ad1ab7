//! `image.*`: test images, from our own registry. `provide` puts one on the node; the others are for checks that pull
//! themselves.

mod provide;
mod publish;
mod requests;
mod spec;
mod terms;

use std::sync::Arc;

use crate::{
    drive::registry::{Listen, Netns, Registry},
    run::{Run, halt::Halt},
};

pub use provide::PROVIDE;
pub use publish::PUBLISH;
pub use requests::{REPAIR, REQUESTS};

/// What runs the guest in our images, and makes it wait.
const COMMAND: &[&str] = &["/guest", "sleep"];

/// The registry of the run, from its first use on.
async fn registry(run: &Arc<Run>) -> Result<&Registry, Halt> {
    let start = || async {
        let certificate = run.options.registry_certificate.clone();
        Registry::start(match run.options.registry_listen {
            Some(address) => Listen { address, netns: None, certificate },
            None => Listen { netns: netns(run), certificate, ..Listen::default() },
        })
    };
    run.registry.get_or_try_init(start).await.map_err(|error| Halt::Error(error.to_string()))
}

/// Loopback is the target's own only in its network namespace.
fn netns(run: &Run) -> Option<Netns> {
    if run.options.registry_listen.is_some() {
        return None;
    }
    run.drive.peer().and_then(|peer| u32::try_from(peer.pid).ok()).map(Netns::Pid)
}
