//! `cni.*`: stands in for the target's pod network. Only with folders that the user named, and
//! everything is put back at the end.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use prost_reflect::DynamicMessage;

use super::{Done, Params, Verb};
use crate::{
    delegate::run_of_plugin,
    image::GUEST,
    run::{
        Run,
        halt::Halt,
        lane::Lane,
        workspace::{PREFIX, is_id},
    },
    suite::{
        expr::{Expr, Judgement, Scope, Value, types::Type, value},
        request, rpc,
        signature::{Param, Signature},
    },
};

/// Takes the CNI configuration away.
pub const WITHOUT_CONFIG: Verb = Verb {
    signature: Signature {
        name: "cni.without_config",
        title: "takes the target's CNI configuration away until the check ends",
        params: &[],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> { Box::pin(async move { without_config(lane) }) },
};

/// Puts a recording plugin in the place of the configuration.
pub const RECORD: Verb = Verb {
    signature: Signature {
        name: "cni.record",
        title: "puts a recording plugin in the place of the CNI configuration until the check ends",
        params: &[],
        reply: || Type::members([("dir", Type::Text)]),
        looks: false,
    },
    run: |lane, _| -> Done<'_> { Box::pin(record(lane)) },
};

/// What the recording plugin was called with: its commands, the sandboxes that were added and not
/// deleted since, and the network namespaces among theirs that still exist.
pub const CALLS: Verb = Verb {
    signature: Signature {
        name: "cni.calls",
        title: "the commands that the recording plugin was called with",
        params: &[Param {
            name: "container_id",
            required: false,
            title: "only the calls for this sandbox",
        }],
        reply: || {
            Type::members(
                ["commands", "open", "namespaces"]
                    .map(|name| (name, Type::List(Box::new(Type::Text)))),
            )
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { calls(lane, &params) }) },
};

pub(super) fn folders(lane: &Lane) -> Result<(PathBuf, PathBuf), Halt> {
    let options = &lane.run.options;
    match (&options.cni_conf_dir, &options.cni_bin_dir) {
        (Some(conf), Some(bin)) => Ok((conf.clone(), bin.clone())),
        _ => Err(Halt::Error("no --cni-conf-dir and --cni-bin-dir".to_owned())),
    }
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Halt {
    Halt::Error(format!("cannot {what} {}: {error}", path.display()))
}

/// Files that a runtime takes for a network configuration.
fn is_configuration(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ["conf", "conflist", "json"].iter().any(|known| ext == *known))
}

fn without_config(lane: &mut Lane) -> Result<Value, Halt> {
    let (conf, _) = folders(lane)?;
    // First the way back: a half-done change must be put back too.
    let (folder, id, run) = (conf.clone(), lane.run.id.clone(), lane.run.clone());
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            put_back(&folder, |of| of == id).map_err(|error| {
                format!("cannot put the CNI configuration back in {}: {error}", folder.display())
            })?;
            await_network(&run).await;
            Ok(())
        })
    }));
    move_away(&conf, &lane.run.id)?;
    Ok(value::map(std::iter::empty::<(&str, Value)>()))
}

/// Moves all configurations away but the run's own.
pub(super) fn move_away(conf: &Path, id: &str) -> Result<(), Halt> {
    let own = format!("{RECORDING}{id}.conflist");
    let entries = std::fs::read_dir(conf).map_err(|error| failed("read", conf, &error))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_configuration(path)) {
        if path.file_name().is_some_and(|name| name == own.as_str()) {
            continue;
        }
        let mut away = path.clone().into_os_string();
        away.push(format!(".{PREFIX}{id}"));
        std::fs::rename(&path, &away).map_err(|error| failed("move", &path, &error))?;
    }
    Ok(())
}

/// Puts configurations back that runs took away, and removes those of their recording plugins. `of`
/// says whether a run, by its id, is meant.
///
/// # Errors
/// The system's.
pub fn put_back(conf: &Path, of: impl Fn(&str) -> bool) -> io::Result<()> {
    let mark = format!(".{PREFIX}");
    for entry in std::fs::read_dir(conf)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let recording = name.strip_prefix(RECORDING).and_then(|rest| rest.split('.').next());
        if recording.is_some_and(&of) {
            std::fs::remove_file(&path)?;
        } else if let Some((original, id)) = name.split_once(&mark)
            && of(id)
        {
            std::fs::rename(&path, path.with_file_name(original))?;
        }
    }
    Ok(())
}

/// Removes recording plugins that killed runs left; `of` says whether a run, by its id, is meant.
///
/// # Errors
/// The system's.
pub fn remove_plugins(bin: &Path, of: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(bin)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let recording = name.strip_prefix(PREFIX).filter(|id| is_id(id));
        if recording.or_else(|| run_of_plugin(name)).is_some_and(&of) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The runtime takes the first file by name.
pub(super) const RECORDING: &str = "00-stdcheck-";

async fn record(lane: &mut Lane) -> Result<Value, Halt> {
    let (conf, bin) = folders(lane)?;
    let id = lane.run.id.clone();
    let dir = lane.run.dir.join("cni");
    let plugin = bin.join(format!("{PREFIX}{id}"));
    let file = conf.join(format!("{RECORDING}{id}.conflist"));
    let (plugin_gone, file_gone, run) = (plugin.clone(), file.clone(), lane.run.clone());
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            for path in [file_gone, plugin_gone] {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(format!("cannot remove {}: {error}", path.display()));
                    }
                    _ => {}
                }
            }
            await_network(&run).await;
            Ok(())
        })
    }));
    // What another check recorded is not this one's.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).map_err(|error| failed("make", &dir, &error))?;
    write_executable(&plugin).map_err(|error| failed("write", &plugin, &error))?;
    let name = format!("{PREFIX}{id}");
    let list = serde_json::json!({
        "cniVersion": "0.4.0",
        "name": name,
        "plugins": [{ "type": format!("{PREFIX}{id}"), "stdcheckDir": dir }],
    });
    // Beside and renamed: the runtime watches the folder and must not read half a file.
    let half = conf.join(format!("{RECORDING}{id}.new"));
    std::fs::write(&half, list.to_string()).map_err(|error| failed("write", &half, &error))?;
    std::fs::rename(&half, &file).map_err(|error| failed("write", &file, &error))?;
    await_status(&lane.run, |status| format!("{status:?}").contains(&name)).await;
    Ok(value::map([("dir", Value::from(dir.display().to_string()))]))
}

fn write_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, GUEST)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// A runtime watches its folder, and takes a change up in its own time.
const TAKING_UP: Duration = Duration::from_secs(3);
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Waits until the verbose Status shows something. One that never does (not every runtime tells its
/// network's name) has had its time then.
pub(super) async fn await_status(run: &Run, shows: impl Fn(&DynamicMessage) -> bool) {
    let Ok(method) = rpc::find(&run.plan.suite.package, "RuntimeService/Status") else { return };
    let mut request = DynamicMessage::new(method.input());
    let verbose = value::map([("verbose", Value::Bool(true))]);
    if request::fill(&mut request, &verbose).is_err() {
        return;
    }
    let _pending = run.clock.start();
    let begin = Instant::now();
    while begin.elapsed() < TAKING_UP {
        let Some(grpc) = run.drive.grpc() else { return };
        let answer = grpc.call(&method, &request, TAKING_UP).await;
        if answer.reply().is_some_and(&shows) {
            return;
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Waits until the target says again that its network is ready: the next check needs it.
pub(super) async fn await_network(run: &Run) {
    await_status(run, |status| {
        let status = value::from_message(status);
        let scope = Scope::from([("reply".to_owned(), status)]);
        Expr::compile("reply.status.conditions.exists(c, c.type == 'NetworkReady' && c.status)")
            .is_ok_and(|ready| ready.judge(&scope) == Judgement::Holds)
    })
    .await;
}

/// One line of the recording: `COMMAND CONTAINERID NETNS`.
struct Call<'a> {
    command: &'a str,
    id: &'a str,
    netns: &'a str,
}

fn calls(lane: &Lane, params: &Params) -> Result<Value, Halt> {
    let wanted = match params.get("container_id") {
        Some(_) => Some(params.text("container_id")?),
        None => None,
    };
    let file = lane.run.dir.join("cni").join("calls");
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read", &file, &error)),
    };
    let calls: Vec<Call<'_>> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(Call { command: words.next()?, id: words.next()?, netns: words.next()? })
        })
        .filter(|call| wanted.is_none_or(|id| id == call.id))
        .collect();
    let commands: Vec<&str> = calls.iter().map(|call| call.command).collect();
    // Added, and not deleted since.
    let mut open: Vec<&str> = Vec::new();
    for call in &calls {
        match call.command {
            "ADD" => open.push(call.id),
            "DEL" => open.retain(|id| *id != call.id),
            _ => {}
        }
    }
    let root = lane.run.drive.peer().map_or_else(
        || PathBuf::from("/"),
        |peer| Path::new("/proc").join(peer.pid.to_string()).join("root"),
    );
    let mut namespaces: Vec<&str> = calls
        .iter()
        .map(|call| call.netns)
        .filter(|netns| !netns.is_empty())
        .filter(|netns| root.join(netns.trim_start_matches('/')).exists())
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    Ok(value::map([
        ("commands", Value::from(commands)),
        ("open", Value::from(open)),
        ("namespaces", Value::from(namespaces)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_away_comes_back_and_ours_goes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "{}").unwrap();
        write("10-net.conflist.stdcheck-00c0ffee");
        write("00-stdcheck-00c0ffee.conflist");
        write("20-other.conf");
        write("30-net.conf.stdcheck-0badcafe");
        put_back(folder.path(), |id| id == "00c0ffee").unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["10-net.conflist", "20-other.conf", "30-net.conf.stdcheck-0badcafe"]);
    }
}
