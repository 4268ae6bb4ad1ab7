//! `csi.write_order`: a group of two volumes that is cut while both are written to.
//!
//! Each number goes to the first volume, and when it is stored there, to the second. A cut at one point
//! of time finds the same number in both, or the first ahead by one.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tonic::Code;

use super::{
    answers,
    await_ready::await_ready,
    place::{self, Placed, paths},
    values::{list, map_at, nothing, text},
    volume,
};
use crate::{
    drive::csi::{NodeFiles, node},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::Signature,
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

const GROUP: &str = "GroupController/CreateVolumeGroupSnapshot";
/// What is written at once.
const BLOCK: usize = 4096;
/// So many numbers are stored before the cut.
const BEFORE: i64 = 3;

/// Cuts a group during writes and reads what its members hold.
pub const WRITE_ORDER: Verb = Verb {
    signature: Signature {
        name: "csi.write_order",
        title: "writes numbers to two volumes while their group is cut, and reads them restored",
        params: &[],
        reply: || {
            Type::members([
                ("refused", Type::Bool),
                ("code", Type::Text),
                ("first", Type::Int),
                ("second", Type::Int),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(write_order(lane, params)) },
};

async fn write_order(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    let usual = lane.scope.get("driver").map(|driver| map_at(driver, "capability"));
    let usual = usual.unwrap_or_else(nothing);
    let mut volumes = Vec::new();
    for _ in 0..2 {
        let made = volume::create(lane, None, &[]).await?;
        volumes.push(published(lane, &made, &usual).await?);
    }
    let [first, second] = volumes.as_slice() else {
        return Err(Halt::Error("there are no two volumes".to_owned()));
    };
    let files = paths::files(lane)?;
    let written = AtomicI64::new(0);
    let over = AtomicBool::new(false);
    let writing = async {
        while !over.load(Ordering::SeqCst) {
            let number = written.load(Ordering::SeqCst) + 1;
            for volume in [first, second] {
                put(&files, volume, number).await?;
            }
            written.store(number, Ordering::SeqCst);
        }
        Ok(())
    };
    let cutting = async {
        while written.load(Ordering::SeqCst) < BEFORE && !over.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let ids = [first, second].map(|volume| Value::from(volume.volume_id.as_str()));
        let with = value::map([("source_volume_ids", Value::from(ids.to_vec()))]);
        let answer = answers::call(lane, GROUP, Some(&with)).await;
        over.store(true, Ordering::SeqCst);
        answer
    };
    // A write that fails must not be waited for.
    let writing = async {
        let done: Result<(), Halt> = writing.await;
        over.store(true, Ordering::SeqCst);
        done
    };
    let (done, answer) = tokio::join!(writing, cutting);
    let answer = answer?;
    done?;
    let code = rpc::code_name(answer.code);
    if answer.code != Code::Ok {
        return Ok(told(code, None));
    }
    let members = list(&answers::reply(&answer), "group_snapshot.snapshots");
    let first = restored(lane, &members, first, &usual).await?;
    let second = restored(lane, &members, second, &usual).await?;
    Ok(told(code, Some((first, second))))
}

async fn published(
    lane: &mut Lane,
    made: &volume::Made,
    capability: &Value,
) -> Result<Placed, Halt> {
    let mut placed = place::of_volume(lane, made, capability.clone());
    place::make_paths(lane, &mut placed, None).await?;
    place::publish(lane, &mut placed).await?;
    Ok(placed)
}

/// The number that the member of a volume holds.
async fn restored(
    lane: &mut Lane,
    members: &[Value],
    of: &Placed,
    capability: &Value,
) -> Result<i64, Halt> {
    let member = members.iter().find(|member| text(member, "source_volume_id") == of.volume_id);
    let Some(member) = member else {
        return Err(Halt::Error(format!("the group has no snapshot of {}", of.volume_id)));
    };
    let ready = await_ready(lane, member, "").await?;
    let snapshot = value::map([("snapshot_id", Value::from(text(&ready, "snapshot_id")))]);
    let size = super::values::int(&ready, "size_bytes").max(of.capacity_bytes);
    let mut over = vec![("volume_content_source", value::map([("snapshot", snapshot)]))];
    over.extend(volume::capacity(lane, size).map(|range| ("capacity_range", range)));
    let unless = [(Code::InvalidArgument, SkipKind::NotApplicable)];
    let made = volume::create(lane, Some(&value::map(over)), &unless).await?;
    let placed = published(lane, &made, capability).await?;
    let _pending = lane.run.clock.start();
    let bytes = paths::files(lane)?.get(&place_in(&placed)).await.map_err(Halt::Error)?;
    let number = bytes.as_deref().and_then(|bytes| bytes.first_chunk().copied());
    Ok(number.map_or(0, i64::from_le_bytes))
}

fn place_in(placed: &Placed) -> node::Place {
    node::Place {
        path: placed.target_path.clone(),
        file: "stdcheck-order".to_owned(),
        offset: 0,
        size: BLOCK as u64,
    }
}

async fn put(files: &NodeFiles, placed: &Placed, number: i64) -> Result<(), Halt> {
    let bytes = number.to_le_bytes().repeat(BLOCK / size_of::<i64>());
    let written = files.put(&place_in(placed), &bytes).await.map_err(Halt::Error)?;
    if written.error.is_empty() {
        return Ok(());
    }
    let why = format!("cannot write to {}: {}", placed.target_path, written.error);
    Err(Halt::Error(why))
}

fn told(code: &str, numbers: Option<(i64, i64)>) -> Value {
    let (first, second) = numbers.unwrap_or_default();
    value::map([
        ("refused", Value::Bool(numbers.is_none())),
        ("code", Value::from(code)),
        ("first", Value::Int(first)),
        ("second", Value::Int(second)),
    ])
}
