//! `cri.remove_image`: takes back a pull.

use std::time::Duration;

use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// For the question by what it is removed best.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes an image by the id that it has, or else by the name that it was pulled by.
pub const REMOVE_IMAGE: Verb = Verb {
    signature: Signature {
        name: "cri.remove_image",
        title: "removes an image that was pulled: by its id, if it has no names but ours",
        params: &[Param { name: "image", required: true, title: "what it was pulled by" }],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(remove(lane, params)) },
};

async fn remove(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("image")?.to_owned();
    let status = lane.ask("ImageService/ImageStatus", spec(&name), PATIENCE).await?;
    let image = match (&status.outcome, status.reply_value()) {
        (Outcome::Died(how), _) => return Err(Halt::Died(format!("during ImageStatus: {how}"))),
        (Outcome::Answered, Some(reply)) => value::member(reply, "image").cloned(),
        // What is not told its id by is removed by its name.
        _ => None,
    };
    let part = format!("/{}/", lane.run.namespace());
    let by = image.and_then(|image| id_if_ours(&image, &part)).unwrap_or(name);
    lane.must("ImageService/RemoveImage", spec(&by)).await?;
    Ok(value::map(std::iter::empty::<(&str, Value)>()))
}

fn spec(name: &str) -> Value {
    value::map([("image", value::map([("image", Value::from(name))]))])
}

/// The id of an image all of whose names are ours, which have that part. Not every runtime removes an
/// image by its name; by its id it would go with the names that others gave it.
pub fn id_if_ours(image: &Value, part: &str) -> Option<String> {
    let names = names(image);
    let ours = !names.is_empty() && names.iter().all(|name| name.contains(part));
    let id = value::member(image, "id").map(value::as_text);
    id.filter(|id| ours && !id.is_empty())
}

/// All names of an image, with tags and with digests.
pub fn names(image: &Value) -> Vec<String> {
    let of = |field| match value::member(image, field) {
        Some(Value::List(names)) => names.iter().map(value::as_text).collect(),
        _ => Vec::new(),
    };
    [of("repo_tags"), of("repo_digests")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tags: &[&str], digests: &[&str]) -> Option<String> {
        let image = value::map([
            ("id", Value::from("sha256:1")),
            ("repo_tags", Value::from(tags.to_vec())),
            ("repo_digests", Value::from(digests.to_vec())),
        ]);
        id_if_ours(&image, "/ours/")
    }

    #[test]
    fn an_image_goes_by_its_id_only_if_nobody_else_knows_it_by_a_name() {
        let ours = id(&["r/ours/a:1", "s/ours/a:1"], &["r/ours/a@sha256:2"]);
        assert_eq!(ours.as_deref(), Some("sha256:1"));
        assert_eq!(id(&["r/ours/a:1", "r/b:1"], &[]), None);
        assert_eq!(id(&["r/ours/a:1"], &["r/b@sha256:2"]), None);
        assert_eq!(id(&["r/b:1"], &[]), None);
        assert_eq!(id(&[], &[]), None);
    }
}
