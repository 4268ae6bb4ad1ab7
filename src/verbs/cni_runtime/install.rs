//! `network.install`: puts a network of ours in the place of the runtime's.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value as Json, json};

use super::{Done, Params, Verb, folder_of, log, network_of};
use crate::{
    delegate::{FOLDER_KEY, PLAN_FILE, plugin_name},
    run::{Run, halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{
        cni::told,
        pod_network::{
            RECORDING, await_network, await_status, failed, folders, move_away, put_back,
            remove_plugins,
        },
    },
};

/// Installs a list of recording plugins.
pub const INSTALL: Verb = Verb {
    signature: Signature {
        name: "network.install",
        title: "puts a network of recording plugins in the place of the runtime's until the check ends",
        params: &[
            Param {
                name: "plugins",
                required: false,
                title: "a list of objects, merged into the configuration of one recording plugin each; \
                        a `type` names a plugin that is not ours [default: one]",
            },
            Param {
                name: "list",
                required: false,
                title: "merged into the list's own keys; its cniVersion is the one that is judged by",
            },
            Param {
                name: "edit",
                required: false,
                title: "true: the network stands already, and only its configuration changes",
            },
        ],
        reply: || Type::members([("name", Type::Text), ("version", Type::Text)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { install(lane, &params).await }) },
};

async fn install(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (conf, bin) = folders(lane)?;
    let edit = params.flag("edit")?;
    let plugins = match params.get("plugins").map(value::to_json) {
        None => vec![Map::new()],
        Some(Json::Array(items)) => items.into_iter().map(object).collect::<Result<_, _>>()?,
        Some(_) => return Err(Halt::Error("`plugins` is a list of objects".to_owned())),
    };
    let keys = match params.get("list").map(value::to_json) {
        None => Map::new(),
        Some(keys) => object(keys)?,
    };
    if !edit {
        restore_at_end(lane, &conf, &bin);
        make_folders(lane, plugins.len())?;
        write_plugins(&bin, &lane.run.id, plugins.len())?;
    }
    // Another in each check: what a runtime keeps of one network must not be met by the next.
    let name = if edit { current_name(lane)? } else { lane.run.unique() };
    lane.scope.insert(NAME.into(), Value::from(name.as_str()));
    let edition = lane.run.unique();
    let configs: Vec<Json> = plugins
        .into_iter()
        .enumerate()
        .map(|(index, config)| {
            let number = index + 1;
            let mut whole = Map::new();
            whole.insert("type".to_owned(), json!(plugin_name(&lane.run.id, number)));
            whole.insert(FOLDER_KEY.to_owned(), json!(folder_of(&lane.run, number)));
            whole.extend(config);
            Json::Object(whole)
        })
        .collect();
    let mut list = Map::new();
    list.insert("cniVersion".to_owned(), json!(lane.api.to_string()));
    list.insert("name".to_owned(), json!(name));
    list.insert(EDITION.to_owned(), json!(edition));
    list.extend(keys);
    list.insert("plugins".to_owned(), Json::Array(configs));
    let list = Json::Object(list);
    write_list(&conf, &lane.run.id, &list)?;
    move_away(&conf, &lane.run.id)?;
    await_status(&lane.run, |status| format!("{status:?}").contains(&edition)).await;
    told(&json!({ "name": name, "version": list["cniVersion"] }))
}

/// By it the runtime shows which edition of the list it has taken up.
const EDITION: &str = "stdcheckEdition";

/// The name of the check's network, between its verbs.
const NAME: &str = "network.name";

fn current_name(lane: &Lane) -> Result<String, Halt> {
    match lane.scope.get(NAME) {
        Some(Value::String(name)) => Ok(name.as_str().to_owned()),
        _ => Err(Halt::Error("there is no network yet that could be edited".to_owned())),
    }
}

fn object(json: Json) -> Result<Map<String, Json>, Halt> {
    match json {
        Json::Object(object) => Ok(object),
        other => Err(Halt::Error(format!("not an object: {other}"))),
    }
}

/// Noted first: a half-done change must be put back, too.
fn restore_at_end(lane: &mut Lane, conf: &Path, bin: &Path) {
    let (conf, bin, run) = (conf.to_owned(), bin.to_owned(), lane.run.clone());
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            let back = |folder: &Path, done: io::Result<()>| {
                done.map_err(|error| {
                    format!("cannot put the network back in {}: {error}", folder.display())
                })
            };
            back(Path::new(RESULTS), forget_results(&run))?;
            back(&conf, put_back(&conf, |of| of == run.id))?;
            back(&bin, remove_plugins(&bin, |of| of == run.id))?;
            await_network(&run).await;
            Ok(())
        })
    }));
}

/// Where the CNI library of most runtimes keeps the results of ADD.
const RESULTS: &str = "/var/lib/cni/results";

/// Removes results that are kept for pods of ours. Those pods are gone when this is done, and so are
/// their results, unless the runtime has died over them: nobody would ever remove them.
fn forget_results(run: &Run) -> io::Result<()> {
    let calls = log::read(&network_of(run)).map_err(io::Error::other)?;
    let ours: BTreeSet<String> = calls
        .into_iter()
        .map(|call| format!("-{}-", call.parameters.container_id))
        .filter(|part| part.len() > "--".len())
        .collect();
    let kept = match std::fs::read_dir(RESULTS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        kept => kept?,
    };
    for path in kept.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ours.iter().any(|part| name.contains(part.as_str())) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// What the plugins of another check noted, and how they behaved, is not this one's. They note the
/// runtime's environment, which is nobody else's business.
fn make_folders(lane: &Lane, count: usize) -> Result<(), Halt> {
    use std::os::unix::fs::DirBuilderExt;
    let network = network_of(&lane.run);
    let _ = std::fs::remove_dir_all(&network);
    for number in 1..=count {
        let folder = folder_of(&lane.run, number);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| failed("make", &folder, &error))?;
    }
    Ok(())
}

/// One copy of this program, and further names for it.
fn write_plugins(bin: &Path, id: &str, count: usize) -> Result<(), Halt> {
    let first = bin.join(plugin_name(id, 1));
    let own =
        std::env::current_exe().map_err(|error| failed("find", Path::new("/proc"), &error))?;
    std::fs::copy(&own, &first).map_err(|error| failed("write", &first, &error))?;
    for number in 2..=count {
        let further = bin.join(plugin_name(id, number));
        std::fs::hard_link(&first, &further).map_err(|error| failed("write", &further, &error))?;
    }
    Ok(())
}

/// Beside and renamed: the runtime watches the folder and must not read half a file.
fn write_list(conf: &Path, id: &str, list: &Json) -> Result<(), Halt> {
    let half: PathBuf = conf.join(format!("{RECORDING}{id}.new"));
    let file = conf.join(format!("{RECORDING}{id}.conflist"));
    std::fs::write(&half, list.to_string()).map_err(|error| failed("write", &half, &error))?;
    std::fs::rename(&half, &file).map_err(|error| failed("write", &file, &error))
}

/// Makes the plugins of dead runs succeed from now on: what such a run left could not be taken down
/// with a plugin that fails because a check wanted it so.
pub fn forgive(run_dir: &Path) {
    let Ok(folders) = std::fs::read_dir(run_dir.join("network")) else { return };
    for folder in folders.flatten() {
        let _ = std::fs::remove_file(folder.path().join(PLAN_FILE));
    }
}
