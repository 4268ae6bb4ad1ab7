//! `host.canary`: a file that no request may reach, and a path that would lead a careless one there.

use super::{Done, Params, Verb};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::Signature,
    },
};

/// What the file holds.
const SONG: &str = "alive";
/// More steps up than any folder of a runtime is deep.
const UP: usize = 20;

/// Puts a file into a folder of its own; it goes with the run's folder.
pub const CANARY: Verb = Verb {
    signature: Signature {
        name: "host.canary",
        title: "puts a file on this host that no request may reach",
        params: &[],
        reply: || Type::members(["folder", "file", "text", "lure"].map(|name| (name, Type::Text))),
        looks: false,
    },
    run: |lane, _: Params| -> Done<'_> { Box::pin(async move { canary(lane) }) },
};

fn canary(lane: &Lane) -> Result<Value, Halt> {
    let folder = lane.run.dir.join(lane.run.unique());
    let file = folder.join("canary");
    let put = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, SONG));
    put.map_err(|error| Halt::Error(format!("cannot write {}: {error}", file.display())))?;
    let folder = folder.display().to_string();
    let lure = format!("{}{}", "../".repeat(UP), folder.trim_start_matches('/'));
    Ok(value::map([
        ("folder", Value::from(folder)),
        ("file", Value::from(file.display().to_string())),
        ("text", Value::from(SONG)),
        ("lure", Value::from(lure)),
    ]))
}
