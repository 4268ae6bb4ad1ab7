//! `result.edit`: a result as it would be after a later plugin of the list.

use serde_json::{Value as Json, json};

use super::{Done, Params, Verb, optional, stage_of, told};
use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// Changes a result.
pub const EDIT: Verb = Verb {
    signature: Signature {
        name: "result.edit",
        title: "a result as it would be after a later plugin of the list: with another hardware \
                address of the check's interface, a further address on it, a further route",
        params: &[
            Param { name: "result", required: true, title: "what ADD printed" },
            Param { name: "mac", required: false, title: "the interface's hardware address" },
            Param { name: "address", required: false, title: "with its prefix" },
            Param { name: "route", required: false, title: "its destination, with its prefix" },
        ],
        reply: || Type::members([("result", Type::Dyn)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { edit(lane, &params).await }) },
};

async fn edit(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (_, host) = stage_of(lane).await?;
    let own = host.own().ok_or_else(|| Halt::Error("there is no container".to_owned()))?;
    let mut result = params.get("result").map(value::to_json).unwrap_or_default();
    if !result.is_object() {
        return Err(Halt::Error("`result` is no result".to_owned()));
    }
    let interfaces = result.get_mut("interfaces").and_then(Json::as_array_mut);
    let mut at = None;
    for (index, interface) in interfaces.into_iter().flatten().enumerate() {
        let inside = interface["sandbox"].as_str().is_some_and(|sandbox| !sandbox.is_empty());
        if inside && interface["name"] == own.ifname.as_str() {
            at = Some(index);
            if let Some(mac) = optional(params, "mac")? {
                interface["mac"] = json!(mac);
            }
        }
    }
    if let Some(address) = optional(params, "address")? {
        let mut ip = json!({ "address": address });
        if let Some(at) = at {
            ip["interface"] = json!(at);
        }
        // Before 1.0.0 an address has its family beside it, as those that are there.
        let first = result.pointer("/ips/0/version");
        if first.is_some() {
            ip["version"] = json!(if address.contains(':') { "6" } else { "4" });
        }
        push(&mut result, "ips", ip);
    }
    if let Some(dst) = optional(params, "route")? {
        push(&mut result, "routes", json!({ "dst": dst }));
    }
    told(&json!({ "result": result }))
}

/// Puts something at the end of a list, which need not be there yet.
fn push(result: &mut Json, key: &str, item: Json) {
    match result.get_mut(key).and_then(Json::as_array_mut) {
        Some(items) => items.push(item),
        None => result[key] = json!([item]),
    }
}
