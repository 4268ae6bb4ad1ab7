//! `image.provide`: puts a test image on the node, by a pull from our own registry.

use std::sync::Arc;

use prost_reflect::ReflectMessage as _;

use super::{COMMAND, netns, registry, spec};
use crate::{
    drive::{
        grpc::{Answer, Outcome},
        registry::preflight::{FailedPull, explain},
    },
    image::Image,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::Signature,
    },
    verbs::{Done, Params, Verb, users_image},
};

/// Publishes a unique image made from the guest and pulls it. With `--image` it is the user's.
pub const PROVIDE: Verb = Verb {
    signature: Signature {
        name: "image.provide",
        title: "puts an image on the node",
        params: &[
            spec::ENTRYPOINT,
            spec::CMD,
            spec::ENV,
            spec::USER,
            spec::STOP_SIGNAL,
            spec::WORKING_DIR,
            spec::VOLUMES,
        ],
        reply: || {
            Type::members([
                ("reference", Type::Text),
                ("image_ref", Type::Text),
                ("command", Type::List(Box::new(Type::Text))),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(provide(lane, params)) },
};

async fn provide(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    if let Some(reference) = run.options.image.clone() {
        return users(lane, &reference).await;
    }
    let registry = registry(&run).await?;
    let unique = run.unique();
    let spec = spec::read(&params, &unique)?;
    let image = Image::build(&spec).map_err(|error| Halt::Error(error.to_string()))?;
    let reference = registry.publish(&format!("{}/{unique}", run.namespace()), "test", &image);
    let before = registry.requests().len();
    let answer = pull(lane, &reference).await?;
    match (&answer.outcome, answer.reply()) {
        (Outcome::Answered, Some(reply)) if answer.code == tonic::Code::Ok => {
            Ok(provided(&reference, &field(reply, "image_ref"), COMMAND))
        }
        (Outcome::Died(how), _) => Err(Halt::Died(format!("during PullImage: {how}"))),
        _ => {
            let netns = netns(&run).map(|netns| netns.path());
            Err(Halt::Error(explain(&FailedPull {
                error: &answer.message,
                requests: registry.requests().len() - before,
                noticed: registry.noticed(),
                address: registry.address(),
                netns: netns.as_deref(),
            })))
        }
    }
}

async fn pull(lane: &mut Lane, reference: &str) -> Result<Arc<Answer>, Halt> {
    let spec = value::map([
        ("image", Value::from(reference)),
        ("user_specified_image", Value::from(reference)),
    ]);
    let deadline = lane.run.options.step_timeout;
    lane.ask("ImageService/PullImage", value::map([("image", spec)]), deadline).await
}

/// The user's image.
async fn users(lane: &mut Lane, reference: &str) -> Result<Value, Halt> {
    let image_ref = users_image::provide(lane, reference).await?;
    let command = if lane.run.options.has_guest() { COMMAND } else { &[] };
    Ok(provided(reference, &image_ref, command))
}

fn field(reply: &prost_reflect::DynamicMessage, name: &str) -> String {
    reply
        .descriptor()
        .get_field_by_name(name)
        .and_then(|field| reply.get_field(&field).as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn provided(reference: &str, image_ref: &str, command: &[&str]) -> Value {
    value::map([
        ("reference", Value::from(reference)),
        ("image_ref", Value::from(image_ref)),
        ("command", Value::from(command.to_vec())),
    ])
}
