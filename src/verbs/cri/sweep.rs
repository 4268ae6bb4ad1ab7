//! `cri.sweep`: removes what carries our names, whatever state it is in.

use super::remove_image::{id_if_ours, names};
use crate::{
    run::{halt::Halt, lane::Lane, workspace::PREFIX},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Removes sandboxes (with their containers) and images of a run, or one sandbox by its metadata.
pub const SWEEP: Verb = Verb {
    signature: Signature {
        name: "cri.sweep",
        title: "removes sandboxes and images that carry our names",
        params: &[
            Param {
                name: "namespace",
                required: false,
                title: "all of that namespace, and its images",
            },
            Param {
                name: "metadata",
                required: false,
                title: "or the one sandbox with that metadata",
            },
        ],
        reply: || Type::members([("sandboxes", Type::Int), ("images", Type::Int)]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(sweep(lane, params)) },
};

/// The label by which every sandbox of ours names its run (suite.toml).
pub const RUN_LABEL: &str = "stdcheck.run";

async fn sweep(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let namespace = match params.get("namespace") {
        Some(_) => Some(params.text("namespace")?.to_owned()),
        None => None,
    };
    let metadata = params.get("metadata").cloned();
    let nothing = || value::map(std::iter::empty::<(&str, Value)>());
    let list = lane.must("RuntimeService/ListPodSandbox", nothing()).await?;
    // One that cannot be removed must not keep the others.
    let mut failed = Vec::new();
    let mut sandboxes = 0;
    for sandbox in members(&list, "items") {
        let Some(theirs) = value::member(&sandbox, "metadata") else { continue };
        let ours = match (&namespace, &metadata) {
            // Some checks give another namespace: then the label is what we know ours by.
            (Some(namespace), _) => {
                let labelled = value::member(&sandbox, "labels")
                    .map(|labels| text(labels, RUN_LABEL))
                    .is_some_and(|id| format!("{PREFIX}{id}") == *namespace);
                labelled || text(theirs, "namespace") == *namespace
            }
            (None, Some(wanted)) => {
                ["name", "uid", "namespace"]
                    .iter()
                    .all(|field| text(theirs, field) == text(wanted, field))
                    && !text(wanted, "uid").is_empty()
            }
            (None, None) => false,
        };
        if ours {
            let id = || value::map([("pod_sandbox_id", Value::from(text(&sandbox, "id")))]);
            // Whether one that is gone may be stopped is not the question here.
            let patience = lane.run.options.step_timeout;
            lane.ask("RuntimeService/StopPodSandbox", id(), patience).await?;
            match lane.must("RuntimeService/RemovePodSandbox", id()).await {
                Ok(_) => sandboxes += 1,
                Err(died @ Halt::Died(_)) => return Err(died),
                Err(halt) => failed.push(halt.line()),
            }
        }
    }
    let mut images = 0;
    if let Some(namespace) = &namespace {
        let list = lane.must("ImageService/ListImages", nothing()).await?;
        let part = format!("/{namespace}/");
        for image in members(&list, "images") {
            // One that has others' names, too, keeps them, as far as the runtime lets it.
            let removed_by = match id_if_ours(&image, &part) {
                Some(id) => vec![id],
                None => names(&image).into_iter().filter(|name| name.contains(&part)).collect(),
            };
            for name in removed_by {
                let spec = value::map([("image", Value::from(name))]);
                match lane.must("ImageService/RemoveImage", value::map([("image", spec)])).await {
                    Ok(_) => images += 1,
                    Err(died @ Halt::Died(_)) => return Err(died),
                    Err(halt) => failed.push(halt.line()),
                }
            }
        }
    }
    if !failed.is_empty() {
        return Err(Halt::Error(failed.join("; ")));
    }
    Ok(value::map([("sandboxes", Value::Int(sandboxes)), ("images", Value::Int(images))]))
}

fn members(of: &Value, name: &str) -> Vec<Value> {
    match value::member(of, name) {
        Some(Value::List(items)) => items.to_vec(),
        _ => Vec::new(),
    }
}

fn text(of: &Value, name: &str) -> String {
    value::member(of, name).map(value::as_text).unwrap_or_default()
}
