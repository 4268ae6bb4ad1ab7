//! `csi.volume`: a volume, made or the user's own.

use std::time::Duration;

use tonic::Code;

use super::{
    advertised, answers,
    values::{int, map_at, message, message_type, text, with},
};
use crate::{
    drive::csi::config,
    run::{
        halt::Halt,
        lane::{Lane, refusal},
        sent::Sent,
    },
    suite::expr::{Value, types::Type, value},
    suite::signature::Signature,
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

pub const CREATE: &str = "Controller/CreateVolume";

/// In a lane's scope while it holds the user's own volume.
const HELD: &str = "csi_users_volume_held";
/// How long a check may wait for the user's own volume: others have it for the length of theirs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a volume, or names the user's.
pub const VOLUME: Verb = Verb {
    signature: Signature {
        name: "csi.volume",
        title: "a volume: created where the driver creates volumes, else the user's own",
        params: &[],
        reply: || Type::members([("volume", message_type("Volume")), ("created", Type::Bool)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(volume(lane, params)) },
};

/// A volume as csi.place goes on with it.
#[derive(Clone, Debug)]
pub struct Made {
    /// A `Volume` message.
    pub volume: Value,
    /// Not the user's.
    pub created: bool,
    /// The name that it was created with.
    pub name: String,
}

async fn volume(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    let made = if advertised::has(lane, "controller:CREATE_DELETE_VOLUME").await? {
        create(lane, None, &[]).await?
    } else {
        users(lane).await?
    };
    Ok(value::map([("volume", made.volume), ("created", Value::Bool(made.created))]))
}

/// Makes one. `unless` are codes that say that the driver has not what was asked for.
pub async fn create(
    lane: &mut Lane,
    over: Option<&Value>,
    unless: &[(Code, SkipKind)],
) -> Result<Made, Halt> {
    lane.rename();
    let (method, request) = lane.request(CREATE, over)?;
    let request = Sent::from(request);
    let answer = lane.call(&method, request.clone(), lane.run.options.step_timeout).await;
    let code = answers::code(CREATE, &answer)?;
    if let Some((_, kind)) = unless.iter().find(|(no, _)| *no == code) {
        let told = refusal(CREATE, &answer).line();
        let hint = match code {
            Code::OutOfRange => "; say a size that it has: --volume-size BYTES",
            _ => "",
        };
        return Err(Halt::Skip(*kind, format!("the driver has no such volumes: {told}{hint}")));
    }
    let reply = answers::ok(CREATE, &answer)?;
    let name = text(request.value(), "name");
    Ok(Made { volume: map_at(&reply, "volume"), created: true, name })
}

/// The one that the user named, for this lane alone until its end.
pub async fn users(lane: &mut Lane) -> Result<Made, Halt> {
    let not_checked = |why: &str| Halt::Skip(SkipKind::NotChecked, why.to_owned());
    let driver = lane.run.options.driver.clone();
    let Some((driver, told)) = driver.and_then(|driver| {
        let told = driver.config.volume.clone()?;
        Some((driver, told))
    }) else {
        let why = "the driver creates no volumes, and none is named: say one with --volume-id ID";
        return Err(not_checked(why));
    };
    if lane.scope.contains_key(HELD) {
        return Err(not_checked("it takes two volumes, and --volume-id names one"));
    }
    let pending = lane.run.clock.start();
    let waiting = driver.known.users_volume.clone().lock_owned();
    let held = tokio::time::timeout(PATIENCE, waiting).await;
    drop(pending);
    let Ok(held) = held else {
        return Err(not_checked("other checks use the only volume all the time (try -j 1)"));
    };
    lane.scope.insert(HELD.to_owned(), Value::Bool(true));
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            drop(held);
            Ok(())
        })
    }));
    Ok(Made { volume: as_message(&told)?, created: false, name: String::new() })
}

fn as_message(told: &config::Volume) -> Result<Value, Halt> {
    let context = told.context.iter().map(|(key, text)| (key.as_str(), text.as_str().into()));
    let members = value::map([
        ("volume_id", Value::from(told.id.as_str())),
        ("capacity_bytes", Value::Int(told.size)),
        ("volume_context", value::map(context)),
    ]);
    message("Volume", &members)
}

/// The size of what a volume is to be made from, as far as the steps before tell: it may not be smaller.
pub fn size_of_source(lane: &Lane, source: &Value) -> i64 {
    let snapshot = text(source, "snapshot.snapshot_id");
    let volume = text(source, "volume.volume_id");
    let size = |found: &Value| {
        let mut sizes = vec![0];
        let mut snapshots = super::values::list(found, "group_snapshot.snapshots");
        snapshots.push(map_at(found, "snapshot"));
        if !snapshot.is_empty() {
            let ours = snapshots.iter().filter(|known| text(known, "snapshot_id") == snapshot);
            sizes.extend(ours.map(|known| int(known, "size_bytes")));
        }
        if !volume.is_empty() {
            let volumes = [map_at(found, "volume"), found.clone()];
            let ours = volumes.iter().filter(|known| text(known, "volume_id") == volume);
            sizes.extend(ours.map(|known| int(known, "capacity_bytes")));
        }
        sizes.into_iter().max().unwrap_or(0)
    };
    let replies = lane.scope.values().filter_map(|bound| value::member(bound, "reply"));
    replies.map(size).max().unwrap_or(0)
}

/// A capacity range that asks for so much at least; what the user told otherwise.
pub fn capacity(lane: &Lane, size: i64) -> Option<Value> {
    let told = lane.scope.get("driver").map(|driver| map_at(driver, "capacity"));
    let told = told.unwrap_or_else(super::values::nothing);
    (size > int(&told, "required_bytes")).then(|| with(&told, "required_bytes", Value::Int(size)))
}
