//! Walking through the pages of a list.

use std::collections::BTreeSet;

use tonic::Code;

use super::super::{
    answers,
    values::{list, nothing, text, with},
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::expr::Value,
};

/// A list without an end is not walked further.
const MOST_PAGES: usize = 5_000;
/// What is kept of the pages as evidence.
const SHOWN: usize = 3;
/// Pages have no consistent view, and a token may be refused when the list has changed.
const TRIES: usize = 3;

/// What was seen on one way through a list.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// All entries, as they came.
    pub entries: Vec<Value>,
    /// How many entries the largest page had.
    pub largest_page: usize,
    /// And the last one.
    pub last_page: usize,
    pub pages: usize,
    /// A token came twice: there was no use in going on.
    pub tokens_reused: bool,
}

/// Walks from the first page to the last, or to the one that is enough.
pub async fn walk(
    lane: &mut Lane,
    rpc: &str,
    request: Option<&Value>,
    enough: impl Fn(&Value) -> bool,
) -> Result<Walk, Halt> {
    let mut tries = 0;
    loop {
        tries += 1;
        match once(lane, rpc, request, &enough).await? {
            Some(walk) => return Ok(walk),
            None if tries < TRIES => {}
            None => {
                let why = format!("{rpc} refuses its own tokens, {TRIES} times (ABORTED)");
                return Err(Halt::Error(why));
            }
        }
    }
}

/// None if a token was refused: the caller begins anew (CSI, ListVolumes Errors).
async fn once(
    lane: &mut Lane,
    rpc: &str,
    request: Option<&Value>,
    enough: impl Fn(&Value) -> bool,
) -> Result<Option<Walk>, Halt> {
    let mut walk = Walk::default();
    let mut tokens = BTreeSet::new();
    let mut token = String::new();
    let evidence = lane.exchanges.len();
    loop {
        let mut asked = request.cloned().unwrap_or_else(nothing);
        if !token.is_empty() {
            asked = with(&asked, "starting_token", Value::from(token.as_str()));
        }
        let answer = answers::call(lane, rpc, Some(&asked)).await?;
        if answer.code == Code::Aborted && !token.is_empty() {
            return Ok(None);
        }
        let reply = answers::ok(rpc, &answer)?;
        if lane.exchanges.len() > evidence + SHOWN {
            lane.exchanges.remove(evidence + SHOWN - 1);
        }
        let entries = list(&reply, "entries");
        walk.pages += 1;
        walk.last_page = entries.len();
        walk.largest_page = walk.largest_page.max(entries.len());
        let done = entries.iter().any(&enough);
        walk.entries.extend(entries);
        token = text(&reply, "next_token");
        if token.is_empty() || done {
            return Ok(Some(walk));
        }
        if !tokens.insert(token.clone()) {
            walk.tokens_reused = true;
            return Ok(Some(walk));
        }
        if walk.pages >= MOST_PAGES {
            let why = format!("{rpc} has more than {MOST_PAGES} pages");
            return Err(Halt::Error(why));
        }
    }
}

/// The id of what an entry is about.
pub fn id(entry: &Value) -> String {
    let volume = text(entry, "volume.volume_id");
    if volume.is_empty() { text(entry, "snapshot.snapshot_id") } else { volume }
}
