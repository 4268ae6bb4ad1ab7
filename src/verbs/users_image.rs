//! `--image REF`: the user's own image in place of ours, pulled if it is not there.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    drive::grpc::Outcome,
    events::Event,
    run::{Run, halt::Halt, lane::Lane},
    suite::expr::{Value, value},
};

/// The image's id or reference, as a container names it. It is left if it was there before; else it is
/// removed at the end, unless that would take names of others away.
///
/// # Errors
/// If it is not there and cannot be pulled.
pub async fn provide(lane: &mut Lane, reference: &str) -> Result<String, Halt> {
    if let Some(image) = image_of(lane, reference).await? {
        return Ok(id(&image));
    }
    let before = ids(lane).await?;
    let (run, named) = (lane.run.clone(), reference.to_owned());
    lane.at_end(Box::new(move || Box::pin(remove(run, named, before))));
    let deadline = lane.run.options.step_timeout;
    let spec = value::map([
        ("image", Value::from(reference)),
        ("user_specified_image", Value::from(reference)),
    ]);
    let request = value::map([("image", spec)]);
    let answer = lane.ask_kept("ImageService/PullImage", request, deadline).await?;
    match (&answer.outcome, answer.reply_value()) {
        (Outcome::Answered, Some(reply)) if answer.code == tonic::Code::Ok => {
            Ok(value::member(reply, "image_ref").map(value::as_text).unwrap_or_default())
        }
        (Outcome::Died(how), _) => Err(Halt::Died(format!("during PullImage: {how}"))),
        _ => Err(Halt::Error(format!(
            "the runtime cannot pull --image {reference}: {}",
            answer.message
        ))),
    }
}

/// A runtime removes an image with all its names. One whose content was there before under another
/// name stays, therefore, and keeps the name that we gave it.
async fn remove(run: Arc<Run>, reference: String, before: BTreeSet<String>) -> Result<(), String> {
    let mut lane = Lane::new(&run, "image.provide");
    let told = |halt: Halt| format!("{} (removing --image {reference})", halt.line());
    let Some(image) = image_of(&mut lane, &reference).await.map_err(told)? else { return Ok(()) };
    let id = id(&image);
    if before.contains(&id) {
        run.tell(Event::Note(format!(
            "--image {reference} stays on the node: the same image was there before under another \
             name, which removing it would take away too"
        )));
        return Ok(());
    }
    // Not every runtime removes by name. One that has got more names meanwhile, which are not ours, may keep
    // them.
    let single =
        ["repo_tags", "repo_digests"].iter().all(|names| match value::member(&image, names) {
            Some(Value::List(names)) => names.len() <= 1,
            _ => true,
        });
    let by = if single && !id.is_empty() { id } else { reference.clone() };
    lane.must("ImageService/RemoveImage", named(&by)).await.map(drop).map_err(told)
}

fn named(reference: &str) -> Value {
    value::map([("image", value::map([("image", Value::from(reference))]))])
}

/// An image, if it is there.
async fn image_of(lane: &mut Lane, reference: &str) -> Result<Option<Value>, Halt> {
    let status = lane.must("ImageService/ImageStatus", named(reference)).await?;
    Ok(value::member(&status, "image").filter(|image| **image != Value::Null).cloned())
}

fn id(image: &Value) -> String {
    value::member(image, "id").map(value::as_text).unwrap_or_default()
}

/// The ids of all images.
async fn ids(lane: &mut Lane) -> Result<BTreeSet<String>, Halt> {
    let nothing = value::map(std::iter::empty::<(&str, Value)>());
    let list = lane.must("ImageService/ListImages", nothing).await?;
    Ok(match value::member(&list, "images") {
        Some(Value::List(images)) => images
            .iter()
            .filter_map(|image| value::member(image, "id").map(value::as_text))
            .collect(),
        _ => BTreeSet::new(),
    })
}
