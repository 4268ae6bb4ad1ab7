//! What is put back, and made ahead, while the target is at a call: nobody waits for it before the end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use super::lane::Deferred;

/// Work of that kind, each with the check or situation that it is of.
#[derive(Default)]
pub struct Beside(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<(String, Deferred)>,
    under_way: JoinSet<(String, Result<(), String>)>,
}

impl Beside {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one, to be begun when there is time ([`Beside::begin`]).
    pub fn take(&self, of: &str, work: Deferred) {
        self.lock().waiting.push((of.to_owned(), work));
    }

    /// Begins what was taken.
    pub fn begin(&self) {
        let mut all = self.lock();
        let State { waiting, under_way } = &mut *all;
        for (of, work) in waiting.drain(..) {
            under_way.spawn(async move { (of, work().await) });
        }
    }

    /// Waits for all of them. Gives those that failed, and why.
    pub async fn settle(&self) -> Vec<(String, String)> {
        self.begin();
        let mut under_way = std::mem::take(&mut self.lock().under_way);
        let mut failed = Vec::new();
        while let Some(joined) = under_way.join_next().await {
            match joined {
                Ok((_, Ok(()))) => {}
                Ok((of, Err(why))) => failed.push((of, why)),
                // A panic of ours.
                Err(error) => failed.push(("the run".to_owned(), error.to_string())),
            }
        }
        failed
    }
}
