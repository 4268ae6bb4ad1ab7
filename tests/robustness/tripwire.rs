//! Stops the double at its n-th call until the test has done something to the one who calls.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use crate::double::{Bends, Deed};

/// Much longer than anything takes: a test that waits in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A wire across all rpcs of a double.
pub struct Tripwire {
    wire: Arc<Wire>,
    touched: Receiver<()>,
    go_on: Sender<()>,
}

struct Wire {
    calls: AtomicUsize,
    /// At which call; none: at no call.
    at: Mutex<Option<usize>>,
    touched: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Tripwire {
    /// Stretches one that is at no call yet.
    pub fn across(bends: &Bends) -> Tripwire {
        let ((touch, touched), (go_on, going_on)) = (channel(), channel());
        let wire = Arc::new(Wire {
            calls: AtomicUsize::new(0),
            at: Mutex::new(None),
            touched: Mutex::new(touch),
            go_on: Mutex::new(going_on),
        });
        let before = wire.clone();
        bends.before("*", move |_| {
            before.call();
            Deed::Serve
        });
        Tripwire { wire, touched, go_on }
    }

    /// Counts anew, and waits at that call, counted from 1.
    pub fn put_at(&self, call: Option<usize>) {
        self.wire.calls.store(0, Ordering::SeqCst);
        *self.wire.at.lock().expect("no panic") = call;
    }

    /// How many calls there were since.
    pub fn calls(&self) -> usize {
        self.wire.calls.load(Ordering::SeqCst)
    }

    /// Waits until the call is there, does something, and lets the double go on with it.
    pub fn when_touched(&self, work: impl FnOnce()) {
        self.touched.recv_timeout(PATIENCE).expect("so many calls are made");
        work();
        // The double may be gone with its test.
        let _ = self.go_on.send(());
    }
}

impl Wire {
    fn call(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let at = *self.at.lock().expect("no panic");
        if at == Some(call) {
            let _ = self.touched.lock().expect("no panic").send(());
            let _ = self.go_on.lock().expect("no panic").recv_timeout(PATIENCE);
        }
    }
}
