//! `csi.start` and `csi.socket_folder`: the driver as a program that a supervisor starts.

use std::time::{Duration, Instant};

use super::{place::paths::driver, values::texts_type};
use crate::{
    drive::csi::Launched,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// How long it may take until it listens or ends.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// What is added to the number of a signal, as shells do.
const BY_SIGNAL: i32 = 128;

/// Starts the driver once more, for itself.
pub const START: Verb = Verb {
    signature: Signature {
        name: "csi.start",
        title: "starts another instance of the driver, and waits until it listens or ends",
        params: &[
            Param { name: "env_endpoint", required: false, title: "sets CSI_ENDPOINT" },
            Param { name: "endpoint", required: false, title: "in place of a socket of its own" },
            Param { name: "args", required: false, title: "own (if left out) or none" },
        ],
        reply: || {
            Type::members([
                ("started", Type::Bool),
                ("exited", Type::Bool),
                ("exit", Type::Int),
                ("socket", Type::Bool),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(start(lane, params)) },
};

/// What stands beside the driver's socket.
pub const SOCKET_FOLDER: Verb = Verb {
    signature: Signature {
        name: "csi.socket_folder",
        title: "what else is in the folder of the driver's socket",
        params: &[],
        reply: || Type::members([("extra", texts_type())]),
        looks: true,
    },
    run: |lane, _: Params| -> Done<'_> { Box::pin(async move { beside(lane) }) },
};

fn not_ours() -> Halt {
    let why = "stdcheck did not start the driver: stdcheck csi --driver PROGRAM -- ARGUMENTS";
    Halt::Skip(SkipKind::NotChecked, why.to_owned())
}

async fn start(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let driver = driver(lane)?;
    let Some(launched) = &driver.launched else { return Err(not_ours()) };
    let unique = lane.run.unique();
    let number = unique.rsplit('-').next().unwrap_or_default();
    // A short path: it is the beginning of a socket's.
    let folder = lane.run.dir.join(format!("d{number}"));
    let mut options = launched.options().clone();
    options.state = folder.join("state");
    options.logs = folder.clone();
    options.endpoint = match params.get("endpoint") {
        Some(_) => params.text("endpoint")?.to_owned(),
        None => format!("unix://{}", folder.join("s/csi.sock").display()),
    };
    options.tell_endpoint =
        params.get("env_endpoint").map_or(Ok(true), |_| params.flag("env_endpoint"))?;
    match params.get("args").map(value::as_text).as_deref() {
        None | Some("own") => {}
        Some("none") => options.args.clear(),
        Some(other) => return Err(Halt::Error(format!("`args` is own or none, not {other}"))),
    }
    let _pending = lane.run.clock.start();
    let other = Launched::new(options).await.map_err(|why| Halt::Error(why.to_string()))?;
    if other.spawn().await.is_err() {
        return Ok(told(false, None, false));
    }
    let begin = Instant::now();
    let mut socket = false;
    let mut ended = None;
    while !socket && ended.is_none() && begin.elapsed() < PATIENCE {
        socket = other.listens().await;
        ended = other.ended_within(LOOK_AGAIN_AFTER).await;
    }
    let exit = ended.map(|ended| match (ended.code, ended.signal) {
        (Some(code), _) => code,
        (None, Some(signal)) => BY_SIGNAL + signal,
        (None, None) => BY_SIGNAL,
    });
    other.stop().await;
    Ok(told(true, exit, socket))
}

fn told(started: bool, exit: Option<i32>, socket: bool) -> Value {
    value::map([
        ("started", Value::Bool(started)),
        ("exited", Value::Bool(exit.is_some())),
        ("exit", Value::Int(exit.unwrap_or(0).into())),
        ("socket", Value::Bool(socket)),
    ])
}

fn beside(lane: &Lane) -> Result<Value, Halt> {
    let driver = driver(lane)?;
    let Some(launched) = &driver.launched else { return Err(not_ours()) };
    let socket = launched.endpoint();
    let folder = socket.parent().unwrap_or(&socket);
    let told = |error: std::io::Error| {
        Halt::Error(format!("cannot look into {}: {error}", folder.display()))
    };
    let mut extra = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let name = entry.map_err(told)?.file_name();
        if Some(name.as_os_str()) != socket.file_name() {
            extra.push(name.to_string_lossy().into_owned());
        }
    }
    extra.sort();
    Ok(value::map([("extra", Value::from(extra))]))
}
