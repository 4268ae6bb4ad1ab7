//! What a step asks of `csi.place`.

use super::super::{
    advertised,
    values::{map_at, nothing, text, with, without},
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::expr::{Value, value},
    verbs::Params,
};

/// How far a volume is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    Created,
    Attached,
    Staged,
    Published,
}

impl Until {
    pub async fn of(lane: &Lane, word: &str) -> Result<Until, Halt> {
        Ok(match word {
            "created" => Until::Created,
            "attached" => Until::Attached,
            "staged" => Until::Staged,
            "published" => Until::Published,
            // A driver that expands volumes in use only must have one in use.
            "expandable" => {
                let online = advertised::has(lane, "expansion:ONLINE").await?;
                let offline = advertised::has(lane, "expansion:OFFLINE").await?;
                let node = lane.run.drive.grpc_of("Node").is_some();
                if online && !offline && node { Until::Published } else { Until::Created }
            }
            other => return Err(Halt::Error(format!("a volume is not brought until `{other}`"))),
        })
    }
}

/// Parameters that change the capability of a volume: a driver may not have the one that comes out.
const ASKS: [&str; 5] = ["access", "mode", "fs_type", "mount_flags", "mount_group"];

/// Whether something was asked for that a driver need not have.
pub fn is_particular(params: &Params) -> bool {
    ASKS.iter().any(|name| params.get(name).is_some())
}

/// The capability that was asked for, beginning with another one or the run's usual one.
pub fn capability(lane: &Lane, params: &Params, from: Option<&Value>) -> Result<Value, Halt> {
    let driver = lane.scope.get("driver").cloned().unwrap_or_else(nothing);
    let mut made = match (params.get("access").map(value::as_text).as_deref(), from) {
        (Some("mount"), _) => map_at(&driver, "mount"),
        (Some("block"), _) => map_at(&driver, "block"),
        (Some(other), _) => return Err(Halt::Error(format!("`{other}` is no access type"))),
        (None, Some(from)) => from.clone(),
        (None, None) => map_at(&driver, "capability"),
    };
    if params.get("mode").is_some() {
        let mode = value::map([("mode", Value::from(params.text("mode")?))]);
        made = with(&made, "access_mode", mode);
    }
    for (name, field) in [
        ("fs_type", "fs_type"),
        ("mount_flags", "mount_flags"),
        ("mount_group", "volume_mount_group"),
    ] {
        if let Some(given) = params.get(name) {
            let mount = with(&map_at(&made, "mount"), field, given.clone());
            made = with(&without(&made, "block"), "mount", mount);
        }
    }
    if text(&made, "access_mode.mode").is_empty() {
        return Err(Halt::Error("the run knows no capability of volumes".to_owned()));
    }
    Ok(made)
}
