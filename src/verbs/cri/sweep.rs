//! `cri.sweep`: removes what carries our names, whatever state it is in.

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
            for name in removed_by(&image, &part) {
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

/// What an image is removed by: its id if all of its names are ours, which have that part, since not every
/// runtime removes by name. One that has others' names keeps them, as far as the runtime lets it.
fn removed_by(image: &Value, part: &str) -> Vec<String> {
    let tags = members(image, "repo_tags").into_iter();
    let names: Vec<String> =
        tags.chain(members(image, "repo_digests")).map(|name| value::as_text(&name)).collect();
    let ours: Vec<String> = names.iter().filter(|name| name.contains(part)).cloned().collect();
    let id = text(image, "id");
    if !ours.is_empty() && ours.len() == names.len() && !id.is_empty() { vec![id] } else { ours }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tags: &[&str], digests: &[&str]) -> Value {
        value::map([
            ("id", Value::from("sha256:1")),
            ("repo_tags", Value::from(tags.to_vec())),
            ("repo_digests", Value::from(digests.to_vec())),
        ])
    }

    #[test]
    fn an_image_goes_by_its_id_only_if_nobody_else_knows_it_by_a_name() {
        let removed = |tags: &[&str], digests: &[&str]| removed_by(&image(tags, digests), "/ours/");
        assert_eq!(removed(&["r/ours/a:1", "s/ours/a:1"], &["r/ours/a@sha256:2"]), ["sha256:1"]);
        assert_eq!(removed(&["r/ours/a:1", "r/b:1"], &[]), ["r/ours/a:1"]);
        assert_eq!(removed(&["r/ours/a:1"], &["r/b@sha256:2"]), ["r/ours/a:1"]);
        assert_eq!(removed(&["r/b:1"], &[]), Vec::<String>::new());
        assert_eq!(removed(&[], &[]), Vec::<String>::new());
    }
}
