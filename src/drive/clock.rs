//! Measures how long the run waited for the target, so that our own time can be told.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The union of all intervals in which a call, a set wait or a restart was pending
/// (design, rule 10). Cheap to clone; all clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct PendingClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    pending: usize,
    since: Option<Instant>,
    total: Duration,
}

/// While it lives, something is pending.
#[must_use]
pub struct Pending(PendingClock);

impl PendingClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now until the guard is dropped, something is pending.
    pub fn start(&self) -> Pending {
        let mut state = self.state();
        if state.pending == 0 {
            state.since = Some(Instant::now());
        }
        state.pending += 1;
        Pending(self.clone())
    }

    /// The union so far.
    pub fn total(&self) -> Duration {
        let state = self.state();
        state.total + state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.pending -= 1;
        if state.pending == 0
            && let Some(since) = state.since.take()
        {
            state.total += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_waits_count_once_and_an_idle_clock_stands() {
        let clock = PendingClock::default();
        let begin = Instant::now();
        let first = clock.start();
        let second = clock.start();
        drop(first);
        drop(second);
        let total = clock.total();
        assert!(total <= begin.elapsed());
        assert_eq!(clock.total(), total);
    }
}
