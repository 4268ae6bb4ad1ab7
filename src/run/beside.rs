//! What is put back while the run goes on: nobody waits for it before the end.

use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

use super::lane::Restore;

/// Restores that are under way, each with the check or situation that it is of.
#[derive(Debug, Default)]
pub struct Beside(Mutex<JoinSet<(String, Result<(), String>)>>);

impl Beside {
    /// Begins one.
    pub fn begin(&self, of: &str, restore: Restore) {
        let of = of.to_owned();
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.spawn(async move { (of, restore().await) });
    }

    /// Waits for all of them. Gives those that failed, and why.
    pub async fn settle(&self) -> Vec<(String, String)> {
        let mut under_way =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
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
