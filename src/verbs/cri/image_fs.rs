//! `cri.image_fs`: what the image file systems have in use, at a time after something was done.
//! Runtimes collect these figures now and then, so that the next answer may be of an earlier time. Some list what
//! they collect first and stamp each figure later: then a stamp alone does not say that a new thing was there.

use std::time::{Duration, Instant};

use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Between two looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// Asks until the figures are of a time after `newer_than` and more than `more_than`; or, if they do not
/// become more, until they are `apart_ms` newer than the first of these. Without `more_than` the first
/// are enough. Skips the check where they do not come.
pub const IMAGE_FS: Verb = Verb {
    signature: Signature {
        name: "cri.image_fs",
        title: "what the image file systems have in use, told of a time that is late enough",
        params: &[
            Param { name: "newer_than", required: false, title: "nanoseconds since 1970" },
            Param { name: "more_than", required: false, title: "bytes; how many to wait for" },
            Param {
                name: "apart_ms",
                required: false,
                title: "milliseconds after which figures that are not more count as collected anew",
            },
        ],
        reply: || Type::members([("used_bytes", Type::Int)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(image_fs(lane, params)) },
};

/// The figures of one answer.
struct Sample {
    /// The oldest of the file systems'.
    timestamp: i64,
    /// All together.
    used_bytes: i64,
}

async fn image_fs(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let newer_than = number(&params, "newer_than")?.unwrap_or(i64::MIN);
    let more_than = number(&params, "more_than")?.unwrap_or(i64::MIN);
    let apart = number(&params, "apart_ms")?.unwrap_or(0).saturating_mul(1_000_000);
    let patience = lane.run.options.step_timeout;
    let begin = Instant::now();
    let seen = lane.exchanges.len();
    let mut first: Option<i64> = None;
    loop {
        // Of many looks the last is the evidence.
        lane.exchanges.truncate(seen);
        let nothing = value::map(std::iter::empty::<(&str, Value)>());
        let reply = lane.must("ImageService/ImageFsInfo", nothing).await?;
        let sample = sample(&reply).filter(|sample| sample.timestamp > newer_than);
        if let Some(Sample { timestamp, used_bytes }) = sample {
            let first = *first.get_or_insert(timestamp);
            if used_bytes > more_than || timestamp.saturating_sub(first) >= apart {
                return Ok(value::map([("used_bytes", Value::Int(used_bytes))]));
            }
        }
        if begin.elapsed() > patience {
            let why =
                "ImageFsInfo does not tell what is in use, or not of a time that is late enough";
            return Err(Halt::Skip(SkipKind::NotChecked, why.to_owned()));
        }
        let _waiting = lane.run.clock.start();
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn number(params: &Params, name: &str) -> Result<Option<i64>, Halt> {
    params.get(name).map(|_| params.number(name)).transpose()
}

/// None if an answer does not tell the used bytes of any file system. Nothing in use, while there is an
/// image, means that nothing was collected yet.
fn sample(reply: &Value) -> Option<Sample> {
    let Some(Value::List(systems)) = value::member(reply, "image_filesystems") else { return None };
    let systems = systems.iter().filter_map(|system| {
        let used = value::member(system, "used_bytes")?;
        Some((whole(value::member(system, "timestamp")?)?, whole(value::member(used, "value")?)?))
    });
    let all = systems.fold(None, |sum: Option<Sample>, (timestamp, used_bytes)| {
        Some(match sum {
            None => Sample { timestamp, used_bytes },
            Some(sum) => Sample {
                timestamp: sum.timestamp.min(timestamp),
                used_bytes: sum.used_bytes.saturating_add(used_bytes),
            },
        })
    });
    all.filter(|sample| sample.used_bytes > 0)
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::UInt(number) => Some(i64::try_from(*number).unwrap_or(i64::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(timestamp: i64, used: Option<u64>) -> Value {
        let used = used.map(|used| ("used_bytes", value::map([("value", Value::UInt(used))])));
        value::map([("timestamp", Value::Int(timestamp))].into_iter().chain(used))
    }

    fn figures(systems: Vec<Value>) -> Option<(i64, i64)> {
        let reply = value::map([("image_filesystems", Value::from(systems))]);
        sample(&reply).map(|sample| (sample.timestamp, sample.used_bytes))
    }

    #[test]
    fn figures_are_those_of_all_file_systems_that_have_some() {
        let systems = vec![system(7, Some(10)), system(1, None), system(5, Some(20))];
        assert_eq!(figures(systems), Some((5, 30)));
        assert_eq!(figures(vec![system(1, None)]), None);
        assert_eq!(figures(vec![system(1, Some(0))]), None);
        assert_eq!(figures(Vec::new()), None);
        assert_eq!(
            figures(vec![system(1, Some(u64::MAX)), system(1, Some(1))]),
            Some((1, i64::MAX))
        );
    }
}
