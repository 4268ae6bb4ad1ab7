//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::verdict::exit;

/// What a second signal leaves to be done, by command.
pub const CLEAN_CRI: &str = "`stdcheck cri clean` removes what is left";
/// See [`CLEAN_CRI`].
pub const CLEAN_CSI: &str = "`stdcheck csi clean` removes what is left";
/// Plugins are executed in namespaces that end with us.
pub const NOTHING_LEFT: &str = "nothing is left but a folder in the temporary folder";

/// Cancels `stop` at the first signal and exits at the second, saying what is left.
pub fn listen(runtime: &Runtime, stop: &CancellationToken, left: &'static str) {
    let stop = stop.clone();
    let _inside = runtime.enter();
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        // Counted here: a run that a time-out ends is not yet one that a person wants gone at once.
        let mut signals = 0;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            signals += 1;
            if signals > 1 {
                anstream::eprintln!("stdcheck: stopped at once; {left}");
                std::process::exit(exit::INTERRUPTED);
            }
            stop.cancel();
            anstream::eprintln!("stdcheck: stopping, and cleaning up; once more stops at once");
        }
    });
}
