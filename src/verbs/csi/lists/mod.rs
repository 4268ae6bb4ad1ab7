//! `csi.find` and `csi.paging`: our own objects in a driver's lists, among those of others.

mod walk;

use std::collections::BTreeSet;

use tonic::Code;

use self::walk::{Walk, id, walk};
use super::{
    answers,
    values::{nothing, text, texts_type, with},
};
use crate::{
    run::{
        halt::Halt,
        lane::{Lane, refusal},
    },
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Others may change the list while it is walked: then once more.
const WALKS: usize = 3;

/// Looks for an object in a list.
pub const FIND: Verb = Verb {
    signature: Signature {
        name: "csi.find",
        title: "walks through the pages of a list until one of our objects is there",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc that lists" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "id", required: true, title: "of the volume or snapshot" },
        ],
        reply: || Type::members([("found", Type::Bool), ("entry", Type::Dyn)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(find(lane, params)) },
};

/// Makes objects and walks through their list.
pub const PAGING: Verb = Verb {
    signature: Signature {
        name: "csi.paging",
        title: "makes objects and walks through the pages of their list",
        params: &[
            Param { name: "call", required: true, title: "ListVolumes or ListSnapshots" },
            Param { name: "objects", required: true, title: "how many are made" },
            Param { name: "max_entries", required: true, title: "of a page" },
            Param { name: "with", required: false, title: "merged into the list's base request" },
        ],
        reply: || {
            Type::members([
                ("expected", texts_type()),
                ("seen", texts_type()),
                ("duplicates", texts_type()),
                ("largest_page", Type::Int),
                ("pages", Type::Int),
                ("tokens_reused", Type::Bool),
                ("next_token_missing", Type::Bool),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(paging(lane, params)) },
};

async fn find(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let wanted = params.text("id")?;
    let call = params.text("call")?;
    let ours = |entry: &Value| id(entry) == wanted;
    let walked = walk(lane, call, params.get("with"), ours).await?;
    let entry = walked.entries.into_iter().find(ours);
    Ok(value::map([
        ("found", Value::Bool(entry.is_some())),
        ("entry", entry.unwrap_or_else(nothing)),
    ]))
}

async fn paging(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let call = params.text("call")?;
    let most = params.number("max_entries")?;
    let expected = make(lane, call, params.number("objects")?).await?;
    let request = params.get("with").cloned().unwrap_or_else(nothing);
    let request = with(&request, "max_entries", Value::Int(most));
    let mut largest_page = 0;
    let mut best: Option<Seen> = None;
    for _ in 0..WALKS {
        let walked = walk(lane, call, Some(&request), |_| false).await?;
        largest_page = largest_page.max(walked.largest_page);
        let seen = Seen::of(walked, &expected);
        let good = seen.faults() == 0;
        if best.as_ref().is_none_or(|best| seen.faults() < best.faults()) {
            best = Some(seen);
        }
        if good {
            break;
        }
    }
    let Some(best) = best else { return Err(Halt::Error("the list was not walked".to_owned())) };
    // A page that is full, none after it, and ours are not all there.
    let full = most > 0 && i64::try_from(best.walk.last_page).is_ok_and(|last| last >= most);
    let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let next_token_missing = full && !best.walk.tokens_reused && best.missing > 0;
    Ok(value::map([
        ("expected", Value::from(expected)),
        ("seen", Value::from(best.ours)),
        ("duplicates", Value::from(best.duplicates)),
        ("largest_page", count(largest_page)),
        ("pages", count(best.walk.pages)),
        ("tokens_reused", Value::Bool(best.walk.tokens_reused)),
        ("next_token_missing", Value::Bool(next_token_missing)),
    ]))
}

/// What of ours one walk has seen.
struct Seen {
    walk: Walk,
    ours: Vec<String>,
    duplicates: Vec<String>,
    missing: usize,
}

impl Seen {
    fn of(walk: Walk, expected: &[String]) -> Seen {
        let mut once = BTreeSet::new();
        let mut twice = BTreeSet::new();
        for found in walk.entries.iter().map(id).filter(|found| expected.contains(found)) {
            if !once.insert(found.clone()) {
                twice.insert(found);
            }
        }
        let missing = expected.iter().filter(|id| !once.contains(*id)).count();
        Seen {
            walk,
            ours: once.into_iter().collect(),
            duplicates: twice.into_iter().collect(),
            missing,
        }
    }

    fn faults(&self) -> usize {
        self.missing + self.duplicates.len() + usize::from(self.walk.tokens_reused)
    }
}

/// Makes objects that the list must have.
async fn make(lane: &mut Lane, list: &str, objects: i64) -> Result<Vec<String>, Halt> {
    let (rpc, path) = match list {
        "Controller/ListVolumes" => ("Controller/CreateVolume", "volume.volume_id"),
        "Controller/ListSnapshots" => ("Controller/CreateSnapshot", "snapshot.snapshot_id"),
        other => return Err(Halt::Error(format!("nobody knows what {other} lists"))),
    };
    let mut made = Vec::new();
    for _ in 0..objects {
        lane.rename();
        let answer = answers::call(lane, rpc, None).await?;
        if answer.code == Code::ResourceExhausted {
            let why = refusal(rpc, &answer).line();
            return Err(Halt::Skip(SkipKind::NotChecked, why));
        }
        made.push(text(&answers::ok(rpc, &answer)?, path));
    }
    Ok(made)
}
