//! `file.*`: files on the stage, where a plugin keeps its state.

use std::path::Path;

use super::{Done, Params, Verb, done, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

const PATH: Param = Param { name: "path", required: true, title: "absolute" };

/// Reads one.
pub const READ: Verb = Verb {
    signature: Signature {
        name: "file.read",
        title: "reads a file of the stage",
        params: &[PATH],
        reply: || Type::members([("text", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { read(lane, &params).await }) },
};

/// Writes one.
pub const WRITE: Verb = Verb {
    signature: Signature {
        name: "file.write",
        title: "writes a file of the stage, with the folders that it needs",
        params: &[
            PATH,
            Param { name: "text", required: true, title: "what is in it" },
            Param { name: "executable", required: false, title: "true: it can be executed" },
        ],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { write(lane, &params).await }) },
};

/// Takes one away.
pub const REMOVE: Verb = Verb {
    signature: Signature {
        name: "file.remove",
        title: "takes a file of the stage away, or a folder with all that is in it",
        params: &[PATH],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { remove(lane, &params).await }) },
};

/// Lists a folder.
pub const LIST: Verb = Verb {
    signature: Signature {
        name: "file.list",
        title: "all paths below a folder of the stage",
        params: &[PATH],
        reply: || Type::members([("paths", Type::List(Box::new(Type::Text)))]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { list(lane, &params).await }) },
};

/// Looks whether something is there.
pub const STAT: Verb = Verb {
    signature: Signature {
        name: "file.stat",
        title: "whether something stands at a path of the stage, and what",
        params: &[PATH],
        reply: || Type::members([("exists", Type::Bool), ("kind", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { stat(lane, &params).await }) },
};

async fn read(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let bytes = host.stage.read(Path::new(params.text("path")?)).await.map_err(Halt::Error)?;
    Ok(value::map([("text", Value::from(String::from_utf8_lossy(&bytes).into_owned()))]))
}

async fn write(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let (path, text) = (params.text("path")?, params.text("text")?);
    let mode = if params.flag("executable")? { 0o755 } else { 0o644 };
    host.stage.write(Path::new(path), text.as_bytes(), mode).await.map_err(Halt::Error)?;
    Ok(done())
}

async fn remove(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    host.stage.remove(Path::new(params.text("path")?)).await.map_err(Halt::Error)?;
    Ok(done())
}

async fn list(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let paths = host.stage.list(Path::new(params.text("path")?)).await.map_err(Halt::Error)?;
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    told(&serde_json::json!({ "paths": paths }))
}

async fn stat(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let found = host.stage.stat(Path::new(params.text("path")?)).await.map_err(Halt::Error)?;
    let kind = found.as_ref().map(|found| found.kind.clone()).unwrap_or_default();
    Ok(value::map([("exists", Value::Bool(found.is_some())), ("kind", Value::from(kind))]))
}
