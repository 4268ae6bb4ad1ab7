//! `log.folder` and `log.rename`: what a caller does to log files, below the run's own folder.

use std::io;

use super::ours;
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Makes a folder for logs. It goes with the run's own folder.
pub const FOLDER: Verb = Verb {
    signature: Signature {
        name: "log.folder",
        title: "makes a folder for logs, below the run's own",
        params: &[Param { name: "path", required: true, title: "its absolute path" }],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { folder(lane, &params) }) },
};

/// Renames a log, as a rotation does.
pub const RENAME: Verb = Verb {
    signature: Signature {
        name: "log.rename",
        title: "renames a container's log, if it is there",
        params: &[
            Param { name: "path", required: true, title: "the absolute path of the log" },
            Param { name: "to", required: true, title: "its new absolute path" },
        ],
        reply: || Type::members([("renamed", Type::Bool)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { rename(lane, &params) }) },
};

fn folder(lane: &Lane, params: &Params) -> Result<Value, Halt> {
    let path = ours(&lane.run.dir, params.text("path")?)?;
    std::fs::create_dir_all(&path)
        .map_err(|error| Halt::Error(format!("cannot make {}: {error}", path.display())))?;
    Ok(value::map(std::iter::empty::<(&str, Value)>()))
}

fn rename(lane: &Lane, params: &Params) -> Result<Value, Halt> {
    let (from, to) =
        (ours(&lane.run.dir, params.text("path")?)?, ours(&lane.run.dir, params.text("to")?)?);
    let renamed = match std::fs::rename(&from, &to) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(Halt::Error(format!("cannot rename {}: {error}", from.display())));
        }
    };
    Ok(value::map([("renamed", Value::Bool(renamed))]))
}
