//! `log.rotate`: renames and reopens a log again and again while the container writes.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{int, ours};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// So much must have come into a file before it is rotated: then each rotation meets output under way.
const ENOUGH: u64 = 16 * 1024;
/// For that much to come.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(2);

/// Rotates a log.
pub const ROTATE: Verb = Verb {
    signature: Signature {
        name: "log.rotate",
        title: "renames and reopens the log of a container that writes all the while",
        params: &[
            Param { name: "path", required: true, title: "the absolute path of the log" },
            Param { name: "container_id", required: true, title: "the container" },
            Param { name: "times", required: true, title: "how often" },
        ],
        reply: || {
            Type::members([("files", Type::List(Box::new(Type::Text))), ("rotations", Type::Int)])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(rotate(lane, params)) },
};

async fn rotate(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let path = ours(&lane.run.dir, params.text("path")?)?;
    let container = params.text("container_id")?.to_owned();
    let times = params.number("times")?;
    let rotated = |at: i64| -> PathBuf {
        let mut name = path.clone().into_os_string();
        name.push(format!(".{at}"));
        name.into()
    };
    let files: Vec<PathBuf> = (1..=times).map(rotated).collect();
    // They are large, and nobody wants them after the check.
    let gone = files.clone();
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            for file in gone {
                // Those of rotations that did not happen are not there.
                let _ = std::fs::remove_file(file);
            }
            Ok(())
        })
    }));
    for to in &files {
        if let Err(halt) = once(lane, &path, to, &container).await {
            return Err(unless_over(lane, &container, halt).await);
        }
    }
    if let Err(halt) = await_output(lane, &path).await {
        return Err(unless_over(lane, &container, halt).await);
    }
    let files: Vec<Value> =
        files.iter().chain([&path]).map(|file| Value::from(file.display().to_string())).collect();
    Ok(value::map([("files", Value::from(files)), ("rotations", int(times))]))
}

async fn once(lane: &mut Lane, path: &Path, to: &Path, container: &str) -> Result<(), Halt> {
    await_output(lane, path).await?;
    std::fs::rename(path, to)
        .map_err(|error| Halt::Error(format!("cannot rename {}: {error}", path.display())))?;
    lane.must("RuntimeService/ReopenContainerLog", of(container)).await.map(drop)
}

fn of(container: &str) -> Value {
    value::map([("container_id", Value::from(container))])
}

/// A container that is done has nothing more to lose, and its log need not be reopened.
async fn unless_over(lane: &mut Lane, container: &str, halt: Halt) -> Halt {
    if !matches!(halt, Halt::Error(_)) {
        return halt;
    }
    let Ok(reply) = lane.must("RuntimeService/ContainerStatus", of(container)).await else {
        return halt;
    };
    let state = value::member(&reply, "status").and_then(|status| value::member(status, "state"));
    if state.map(value::as_text).as_deref() == Some("CONTAINER_RUNNING") {
        return halt;
    }
    let why = "the container had written everything before its log was rotated often enough";
    Halt::Skip(SkipKind::NotChecked, why.to_owned())
}

/// Waits until the file has enough in it.
async fn await_output(lane: &Lane, path: &Path) -> Result<(), Halt> {
    let begin = Instant::now();
    let _pending = lane.run.clock.start();
    while std::fs::metadata(path).map_or(0, |found| found.len()) < ENOUGH {
        if begin.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            let what = format!("no {ENOUGH} bytes came into {} in {seconds} s", path.display());
            return Err(Halt::Error(what));
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
    Ok(())
}
