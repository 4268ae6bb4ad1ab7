//! `cri.pid`: the process of a sandbox or container on this host. The definition has no field for
//! it; runtimes tell it in the verbose info.

use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// The host's process id of a sandbox or container, by the runtime's own verbose info.
pub const PID: Verb = Verb {
    signature: Signature {
        name: "cri.pid",
        title: "the process id of a sandbox or container on this host",
        params: &[
            Param { name: "sandbox_id", required: false, title: "a sandbox" },
            Param { name: "container_id", required: false, title: "or a container" },
        ],
        reply: || Type::members([("pid", Type::Int)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(pid(lane, params)) },
};

/// The process of a sandbox, where the runtime tells it.
///
/// # Errors
/// If the sandbox's status is refused.
pub async fn of_sandbox(lane: &mut Lane, id: &str) -> Result<Option<i64>, Halt> {
    let fields = [("pod_sandbox_id", Value::from(id)), ("verbose", Value::Bool(true))];
    let reply = lane.must("RuntimeService/PodSandboxStatus", value::map(fields)).await?;
    Ok(in_info(&reply))
}

fn in_info(reply: &Value) -> Option<i64> {
    match value::member(reply, "info")? {
        Value::Map(entries) => entries.map.values().find_map(|text| told(&value::as_text(text))),
        _ => None,
    }
}

async fn pid(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let found = if params.get("sandbox_id").is_some() {
        of_sandbox(lane, params.text("sandbox_id")?).await?
    } else {
        let id = ("container_id", Value::from(params.text("container_id")?));
        let verbose = ("verbose", Value::Bool(true));
        in_info(&lane.must("RuntimeService/ContainerStatus", value::map([id, verbose])).await?)
    };
    match found {
        Some(pid) => Ok(value::map([("pid", Value::Int(pid))])),
        None => Err(Halt::Skip(
            SkipKind::NotChecked,
            "the runtime's verbose info tells no process id".to_owned(),
        )),
    }
}

/// `{"pid": 123, …}`; zero stands for none.
fn told(info: &str) -> Option<i64> {
    let info: serde_json::Value = serde_json::from_str(info).ok()?;
    info.get("pid")?.as_i64().filter(|pid| *pid > 0)
}
