//! `csi.place`: a volume brought as far as a check wants it: created, attached, staged, published.

pub mod paths;
mod placed;
mod wish;

use tonic::Code;

pub use self::placed::Placed;
pub use self::wish::Until;
use super::{
    advertised, answers,
    values::{int, map_at, text},
    volume::{self, Made},
};
use crate::{
    drive::csi::{Making, Use},
    run::{
        halt::Halt,
        lane::{Lane, refusal},
    },
    suite::{
        expr::{Value, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

pub const ATTACH: &str = "Controller/ControllerPublishVolume";
pub const STAGE: &str = "Node/NodeStageVolume";
pub const PUBLISH: &str = "Node/NodePublishVolume";

/// Brings a volume so far.
pub const PLACE: Verb = Verb {
    signature: Signature {
        name: "csi.place",
        title: "a volume: created, attached, staged and published as far as asked",
        params: &[
            Param {
                name: "until",
                required: true,
                title: "created, attached, staged, published; expandable: in use where it must be",
            },
            Param { name: "access", required: false, title: "mount or block" },
            Param { name: "mode", required: false, title: "an access mode" },
            Param { name: "readonly", required: false, title: "published for reading alone" },
            Param { name: "fs_type", required: false, title: "of a mount volume" },
            Param { name: "mount_flags", required: false, title: "of a mount volume" },
            Param { name: "mount_group", required: false, title: "of a mount volume" },
            Param { name: "size", required: false, title: "bytes at least" },
            Param { name: "source", required: false, title: "a VolumeContentSource" },
            Param { name: "path_bytes", required: false, title: "how long the paths are" },
            Param { name: "of", required: false, title: "a volume that was placed before" },
            Param {
                name: "several",
                required: false,
                title: "it is created with its own and with the usual capability",
            },
        ],
        reply: Placed::reply,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(place(lane, params)) },
};

async fn place(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let until = Until::of(lane, params.text("until")?).await?;
    let bytes = params.get("path_bytes").map(|_| params.number("path_bytes")).transpose()?;
    let particular = wish::is_particular(&params);
    let mut placed = match params.get("of") {
        Some(of) => {
            let mut placed = Placed::from_value(of);
            placed.capability = wish::capability(lane, &params, Some(&placed.capability))?;
            placed
        }
        None => begin(lane, &params).await?,
    };
    if params.get("readonly").is_some() {
        placed.readonly = params.flag("readonly")?;
    }
    if until >= Until::Attached {
        let folders = begin_paths(lane, &mut placed, bytes).await?;
        // An attachment does not need them.
        let attached = bring(lane, &mut placed, Until::Attached, particular).await;
        attached?;
        folders.await.map_err(Halt::Error)?;
        bring(lane, &mut placed, until, particular).await?;
    }
    Ok(placed.to_value())
}

/// Makes the volume.
async fn begin(lane: &mut Lane, params: &Params) -> Result<Placed, Halt> {
    let capability = wish::capability(lane, params, None)?;
    let made = if advertised::has(lane, "controller:CREATE_DELETE_VOLUME").await? {
        let mut capabilities = vec![capability.clone()];
        let usual = lane.scope.get("driver").map(|driver| map_at(driver, "capability"));
        if params.flag("several")? {
            capabilities.extend(usual.filter(|usual| *usual != capability));
        }
        let mut over = vec![("volume_capabilities", Value::from(capabilities))];
        let mut size = params.get("size").map_or(Ok(0), |_| params.number("size"))?;
        if let Some(source) = params.get("source") {
            over.push(("volume_content_source", source.clone()));
            size = size.max(volume::size_of_source(lane, source));
        }
        over.extend(volume::capacity(lane, size).map(|range| ("capacity_range", range)));
        let mut unless = Vec::new();
        if wish::is_particular(params) {
            unless.push((Code::InvalidArgument, SkipKind::NotApplicable));
        }
        if params.get("size").is_some() {
            unless.push((Code::OutOfRange, SkipKind::NotChecked));
        }
        volume::create(lane, Some(&value::map(over)), &unless).await?
    } else if params.get("source").is_some() {
        let why = "the driver creates no volumes".to_owned();
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    } else {
        keep_content(lane, &capability)?;
        volume::users(lane).await?
    };
    // Whoever had the user's volume before has taken it back.
    let volume_id = text(&made.volume, "volume_id");
    paths::driver(lane)?.known.set_use(&volume_id, Use::default());
    Ok(of_volume(lane, &made, capability))
}

/// The user's volume is used in one way: whoever writes to the device destroys the file system on it.
fn keep_content(lane: &Lane, capability: &Value) -> Result<(), Halt> {
    let usual = lane.scope.get("driver").map(|driver| text(driver, "access")).unwrap_or_default();
    if value::member(capability, &usual).is_some() {
        return Ok(());
    }
    let why = format!("the volume that was named is used as {usual} alone (--access-type)");
    Err(Halt::Skip(SkipKind::NotChecked, why))
}

/// A volume that is nowhere yet.
pub fn of_volume(lane: &Lane, made: &Made, capability: Value) -> Placed {
    Placed {
        volume_id: text(&made.volume, "volume_id"),
        volume_context: map_at(&made.volume, "volume_context"),
        publish_context: super::values::nothing(),
        capability,
        staging_path: String::new(),
        target_path: String::new(),
        readonly: lane.run.options.driver.as_ref().is_some_and(|driver| driver.config.read_only),
        node_id: lane.scope.get("driver").map(|driver| text(driver, "node_id")).unwrap_or_default(),
        capacity_bytes: int(&made.volume, "capacity_bytes"),
        created: made.created,
        name: made.name.clone(),
    }
}

/// A new target path, and a staging folder unless it is staged somewhere already.
pub async fn make_paths(
    lane: &mut Lane,
    placed: &mut Placed,
    bytes: Option<i64>,
) -> Result<(), Halt> {
    begin_paths(lane, placed, bytes).await?.await.map_err(Halt::Error)
}

/// The same, while their folders are still being made.
async fn begin_paths(
    lane: &mut Lane,
    placed: &mut Placed,
    bytes: Option<i64>,
) -> Result<Making, Halt> {
    let stages = advertised::has(lane, "node:STAGE_UNSTAGE_VOLUME").await?;
    let used = paths::driver(lane)?.known.use_of(&placed.volume_id);
    let kept =
        !placed.staging_path.is_empty() && used.staged.as_ref() == Some(&placed.staging_path);
    let (own, making) = match bytes {
        Some(bytes) => paths::far(lane, stages, bytes)?,
        None => paths::ready(lane, stages)?,
    };
    if stages && !kept {
        placed.staging_path = paths::staging(&own);
    }
    placed.target_path = paths::target(&own).0;
    Ok(making)
}

/// Does what is not done yet. `particular`: the check asks for something that a driver need not have.
pub async fn bring(
    lane: &mut Lane,
    placed: &mut Placed,
    until: Until,
    particular: bool,
) -> Result<(), Halt> {
    let driver = paths::driver(lane)?;
    let mut used = driver.known.use_of(&placed.volume_id);
    if advertised::has(lane, "controller:PUBLISH_UNPUBLISH_VOLUME").await? && !used.attached {
        attach(lane, placed).await?;
        used.attached = true;
        driver.known.set_use(&placed.volume_id, used.clone());
    }
    if until >= Until::Staged && !placed.staging_path.is_empty() && used.staged.is_none() {
        node_call(lane, STAGE, &stage_request(placed), particular).await?;
        used.staged = Some(placed.staging_path.clone());
        driver.known.set_use(&placed.volume_id, used.clone());
    }
    if until >= Until::Published {
        node_call(lane, PUBLISH, &publish_request(placed), particular).await?;
        used.published.insert(placed.target_path.clone());
        driver.known.set_use(&placed.volume_id, used);
    }
    Ok(())
}

/// As far as it is published.
pub async fn publish(lane: &mut Lane, placed: &mut Placed) -> Result<(), Halt> {
    bring(lane, placed, Until::Published, false).await
}

pub async fn attach(lane: &mut Lane, placed: &mut Placed) -> Result<(), Halt> {
    if placed.node_id.is_empty() {
        let why = "the driver attaches volumes to nodes, and tells no id of this node";
        return Err(Halt::Skip(SkipKind::NotApplicable, why.to_owned()));
    }
    let readonly = placed.readonly && advertised::has(lane, "controller:PUBLISH_READONLY").await?;
    let request = value::map([
        ("volume_id", Value::from(placed.volume_id.as_str())),
        ("node_id", Value::from(placed.node_id.as_str())),
        ("volume_capability", placed.capability.clone()),
        ("readonly", Value::Bool(readonly)),
        ("volume_context", placed.volume_context.clone()),
    ]);
    let reply = answers::must(lane, ATTACH, &request).await?;
    placed.publish_context = map_at(&reply, "publish_context");
    Ok(())
}

pub fn stage_request(placed: &Placed) -> Value {
    value::map([
        ("volume_id", Value::from(placed.volume_id.as_str())),
        ("publish_context", placed.publish_context.clone()),
        ("staging_target_path", Value::from(placed.staging_path.as_str())),
        ("volume_capability", placed.capability.clone()),
        ("volume_context", placed.volume_context.clone()),
    ])
}

pub fn publish_request(placed: &Placed) -> Value {
    value::map([
        ("volume_id", Value::from(placed.volume_id.as_str())),
        ("publish_context", placed.publish_context.clone()),
        ("staging_target_path", Value::from(placed.staging_path.as_str())),
        ("target_path", Value::from(placed.target_path.as_str())),
        ("volume_capability", placed.capability.clone()),
        ("readonly", Value::Bool(placed.readonly)),
        ("volume_context", placed.volume_context.clone()),
    ])
}

async fn node_call(
    lane: &mut Lane,
    rpc: &str,
    request: &Value,
    particular: bool,
) -> Result<(), Halt> {
    let answer = answers::call(lane, rpc, Some(request)).await?;
    let no = matches!(answer.code, Code::InvalidArgument | Code::FailedPrecondition);
    if particular && no {
        let told = refusal(rpc, &answer).line();
        let why = format!("the driver does not have what the check asks for: {told}");
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    }
    answers::ok(rpc, &answer).map(drop)
}
