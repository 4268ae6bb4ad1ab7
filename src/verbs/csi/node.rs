//! `node.*`: the files of the driver's node.

use super::{
    place::paths::{discard_at_end, driver, files, remove_at_end},
    values::texts_type,
};
use crate::{
    drive::csi::node::{Kind, Pattern, Place},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// Where patterns stand in a folder.
const FILE: &str = "stdcheck-data";
/// What the canary holds.
const SONG: &str = "alive";

const PATH: Param = Param { name: "path", required: true, title: "absolute, on the node" };
const NO_REPLY: fn() -> Type = || Type::members([]);

const PATTERN: &[Param] = &[
    Param { name: "path", required: true, title: "a folder, or a block device" },
    Param { name: "file", required: false, title: "in the folder; stdcheck-data if left out" },
    Param { name: "seed", required: true, title: "what the bytes are made of" },
    Param { name: "size", required: true, title: "bytes" },
    Param { name: "offset", required: false, title: "bytes; 0 if left out" },
];

/// Looks at a path.
pub const LOOK: Verb = Verb {
    signature: Signature {
        name: "node.look",
        title: "looks at a path of the driver's node",
        params: &[PATH],
        reply: || {
            Type::members([
                ("exists", Type::Bool),
                ("kind", Type::Text),
                ("mounted", Type::Bool),
                ("fs_type", Type::Text),
                ("options", texts_type()),
                ("read_only", Type::Bool),
                ("entries", texts_type()),
                ("uid", Type::Int),
                ("gid", Type::Int),
                ("mode", Type::Int),
                ("device_bytes", Type::Int),
                ("total_bytes", Type::Int),
                ("available_bytes", Type::Int),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(look(lane, params)) },
};

/// Writes a pattern.
pub const WRITE: Verb = Verb {
    signature: Signature {
        name: "node.write",
        title: "writes bytes that are known again, and waits until they are stored",
        params: PATTERN,
        reply: || Type::members([("error", Type::Text), ("written", Type::Int)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(write(lane, params)) },
};

/// Reads it back.
pub const READ: Verb = Verb {
    signature: Signature {
        name: "node.read",
        title: "reads bytes, and says whether they are those that were written",
        params: PATTERN,
        reply: || Type::members([("error", Type::Text), ("same", Type::Bool)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(read(lane, params)) },
};

/// Makes a folder.
pub const MAKE_FOLDER: Verb = Verb {
    signature: Signature {
        name: "node.make_folder",
        title: "makes a folder on the driver's node, with those above it; it goes with the check",
        params: &[PATH],
        reply: NO_REPLY,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(make_folder(lane, params)) },
};

/// Removes a file or a folder.
pub const REMOVE: Verb = Verb {
    signature: Signature {
        name: "node.remove",
        title: "removes what is at a path, with all that is in it, if it is ours and no mount",
        params: &[PATH],
        reply: NO_REPLY,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(remove(lane, params)) },
};

/// Writes a file.
pub const TOUCH: Verb = Verb {
    signature: Signature {
        name: "node.touch",
        title: "writes a file with mode 0666",
        params: &[PATH, Param { name: "content", required: false, title: "empty if left out" }],
        reply: NO_REPLY,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(touch(lane, params)) },
};

/// Reads a file.
pub const CONTENT: Verb = Verb {
    signature: Signature {
        name: "node.content",
        title: "reads a file of the driver's node",
        params: &[PATH],
        reply: || Type::members([("exists", Type::Bool), ("content", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(content(lane, params)) },
};

/// A file that no request may reach.
pub const CANARY: Verb = Verb {
    signature: Signature {
        name: "node.canary",
        title: "puts a file on the node, outside of the driver's folders, that no request may reach",
        params: &[],
        reply: || {
            Type::members(["path", "content", "folder", "name"].map(|name| (name, Type::Text)))
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(canary(lane, params)) },
};

/// Mounts below a path.
pub const MOUNTS: Verb = Verb {
    signature: Signature {
        name: "node.mounts",
        title: "the mount points at a path and below it",
        params: &[Param { name: "below", required: true, title: "absolute, on the node" }],
        reply: || Type::members([("points", texts_type())]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(mounts(lane, params)) },
};

async fn look(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    // Below a mount of the driver's it is the driver's file system that answers.
    let pending = lane.run.clock.start();
    let seen = files(lane)?.look(params.text("path")?).await.map_err(Halt::Error)?;
    drop(pending);
    let bytes = |bytes: u64| Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX));
    Ok(value::map([
        ("exists", Value::Bool(seen.kind != Kind::Nothing)),
        ("kind", Value::from(seen.kind.name())),
        ("mounted", Value::Bool(seen.mounted)),
        ("fs_type", Value::from(seen.fs_type)),
        ("options", Value::from(seen.options)),
        ("read_only", Value::Bool(seen.read_only)),
        ("entries", Value::from(seen.entries)),
        ("uid", Value::Int(seen.uid.into())),
        ("gid", Value::Int(seen.gid.into())),
        ("mode", Value::Int(seen.mode.into())),
        ("device_bytes", bytes(seen.device_bytes)),
        ("total_bytes", bytes(seen.total_bytes)),
        ("available_bytes", bytes(seen.available_bytes)),
    ]))
}

/// The place and the pattern that a step names.
fn pattern(params: &Params) -> Result<(Place, Pattern), Halt> {
    let number = |name: &str| match params.get(name) {
        None => Ok(0),
        Some(_) => u64::try_from(params.number(name)?)
            .map_err(|_| Halt::Error(format!("`{name}` is negative"))),
    };
    let file = params.get("file").map_or(FILE.to_owned(), value::as_text);
    if file.is_empty() || file.contains('/') {
        return Err(Halt::Error(format!("`{file}` is no name of a file")));
    }
    let place = Place {
        path: params.text("path")?.to_owned(),
        file,
        offset: number("offset")?,
        size: number("size")?,
    };
    Ok((place, Pattern::of(params.text("seed")?)))
}

async fn write(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let (place, pattern) = pattern(&params)?;
    discard_at_end(lane, format!("{}/{}", place.path.trim_end_matches('/'), place.file)).await?;
    // The volume is the driver's: how long it takes to store bytes is not our time.
    let _pending = lane.run.clock.start();
    let written = files(lane)?.write(&place, pattern).await.map_err(Halt::Error)?;
    let reads_alone = lane.run.options.driver.as_ref().is_some_and(|d| d.config.read_only);
    if written.error == "EROFS" && reads_alone {
        let why = "the driver publishes for reading alone (read_only in --config)".to_owned();
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    }
    let bytes = i64::try_from(written.bytes).unwrap_or(i64::MAX);
    Ok(value::map([("error", Value::from(written.error)), ("written", Value::Int(bytes))]))
}

async fn read(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let (place, pattern) = pattern(&params)?;
    let _pending = lane.run.clock.start();
    let compared = files(lane)?.compare(&place, pattern).await.map_err(Halt::Error)?;
    Ok(value::map([("error", Value::from(compared.error)), ("same", Value::Bool(compared.same))]))
}

async fn make_folder(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let path = params.text("path")?;
    let made = files(lane)?.make_folder(path).await.map_err(Halt::Error)?;
    if let Some(outermost) = made.into_iter().next() {
        remove_at_end(lane, outermost)?;
    }
    Ok(super::values::nothing())
}

async fn remove(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    files(lane)?.remove(params.text("path")?).await.map_err(Halt::Error)?;
    Ok(super::values::nothing())
}

async fn touch(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let content = params.get("content").map(value::as_text).unwrap_or_default();
    discard_at_end(lane, params.text("path")?.to_owned()).await?;
    files(lane)?.touch(params.text("path")?, &content).await.map_err(Halt::Error)?;
    Ok(super::values::nothing())
}

async fn content(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let content = files(lane)?.content(params.text("path")?).await.map_err(Halt::Error)?;
    Ok(value::map([
        ("exists", Value::Bool(content.is_some())),
        ("content", Value::from(content.unwrap_or_default())),
    ]))
}

async fn canary(lane: &mut Lane, _: Params) -> Result<Value, Halt> {
    // Beside the folder of staging and target paths, with a short path: names hold it.
    let beside = driver(lane)?.folder.parent().map(std::path::Path::to_owned).unwrap_or_default();
    let unique = lane.run.unique();
    let name = unique.rsplit('-').next().unwrap_or_default().to_owned();
    let own = format!("stdcheck-canary-{}-{name}", lane.run.id);
    let folder = beside.join(own).display().to_string();
    let file = format!("{folder}/canary");
    let node = files(lane)?;
    remove_at_end(lane, folder.clone())?;
    node.make_folder(&folder).await.map_err(Halt::Error)?;
    node.touch(&file, SONG).await.map_err(Halt::Error)?;
    Ok(value::map([
        ("path", Value::from(file)),
        ("content", Value::from(SONG)),
        ("folder", Value::from(folder)),
        ("name", Value::from("canary")),
    ]))
}

async fn mounts(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let points = files(lane)?.mounts_below(params.text("below")?).await.map_err(Halt::Error)?;
    Ok(value::map([("points", Value::from(points))]))
}
