//! `csi.each_name`: one object for each name.

use tonic::Code;

use super::{
    answers,
    undo_cut::delete,
    values::{nothing, text, with},
};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Where replies have the id of what was made.
const IDS: [&str; 3] =
    ["volume.volume_id", "snapshot.snapshot_id", "group_snapshot.group_snapshot_id"];

/// Makes an object for each of several names.
pub const EACH_NAME: Verb = Verb {
    signature: Signature {
        name: "csi.each_name",
        title: "makes an object for each name",
        params: &[
            Param { name: "call", required: true, title: "Service/Rpc that makes one by its name" },
            Param { name: "names", required: true, title: "a list" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "delete", required: false, title: "true: deletes them again at once" },
        ],
        reply: || {
            let result = ["name", "code", "message", "id"].map(|name| (name, Type::Text));
            Type::members([("results", Type::List(Box::new(Type::members(result))))])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(each_name(lane, params)) },
};

async fn each_name(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let call = params.text("call")?;
    let given = params.get("with").cloned().unwrap_or_else(nothing);
    let mut results = Vec::new();
    let mut made = Vec::new();
    for name in params.texts("names")? {
        lane.rename();
        let request = with(&given, "name", Value::from(name.as_str()));
        let answer = answers::call(lane, call, Some(&request)).await?;
        let reply = answers::reply(&answer);
        let id = IDS.iter().map(|path| text(&reply, path)).find(|id| !id.is_empty());
        results.push(value::map([
            ("name", Value::from(name)),
            ("code", Value::from(rpc::code_name(answer.code))),
            ("message", Value::from(answer.message.as_str())),
            ("id", Value::from(id.unwrap_or_default())),
        ]));
        if answer.code == Code::Ok {
            made.push(reply);
        }
    }
    if params.flag("delete")? {
        for reply in &made {
            delete(lane, call, reply).await?;
        }
    }
    Ok(value::map([("results", Value::from(results))]))
}
