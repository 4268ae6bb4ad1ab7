//! `image.provide`: puts a test image on the node, by a pull from our own registry.

use prost_reflect::ReflectMessage as _;

use super::{Done, Params, Verb};
use crate::{
    drive::{
        grpc::{Answer, Outcome},
        registry::{
            Listen, Netns, Registry,
            preflight::{FailedPull, explain},
        },
    },
    image::{Image, ImageSpec},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
};

/// Publishes a unique image made from the guest and pulls it. With `--image` it is the user's.
pub const PROVIDE: Verb = Verb {
    signature: Signature {
        name: "image.provide",
        title: "puts an image on the node",
        params: &[
            Param { name: "entrypoint", required: false, title: "ENTRYPOINT, a list" },
            Param { name: "cmd", required: false, title: "CMD, a list" },
            Param { name: "env", required: false, title: "ENV, a list of KEY=VALUE" },
            Param { name: "user", required: false, title: "USER" },
            Param { name: "stop_signal", required: false, title: "STOPSIGNAL" },
            Param { name: "working_dir", required: false, title: "WORKDIR" },
            Param { name: "volumes", required: false, title: "VOLUMEs, a list of paths" },
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
    let registry = run
        .registry
        .get_or_try_init(|| async { start(&run) })
        .await
        .map_err(|error| Halt::Error(error.to_string()))?;
    let optional = |name: &str| match params.get(name) {
        Some(_) => params.text(name).map(str::to_owned),
        None => Ok(String::new()),
    };
    let unique = run.unique();
    let spec = ImageSpec {
        entrypoint: params.texts("entrypoint")?,
        cmd: params.texts("cmd")?,
        env: params.texts("env")?,
        working_dir: optional("working_dir")?,
        user: optional("user")?,
        stop_signal: Some(optional("stop_signal")?).filter(|signal| !signal.is_empty()),
        volumes: params.texts("volumes")?,
        unique: unique.clone(),
        ..ImageSpec::default()
    };
    let image = Image::build(&spec).map_err(|error| Halt::Error(error.to_string()))?;
    let reference = registry.publish(&format!("{}/{unique}", run.namespace()), "test", &image);
    let before = registry.requests().len();
    let answer = pull(lane, &reference).await?;
    match (&answer.outcome, &answer.reply) {
        (Outcome::Answered, Some(reply)) if answer.code == tonic::Code::Ok => {
            Ok(provided(&reference, &field(reply, "image_ref"), &["/guest", "sleep"]))
        }
        (Outcome::Died(how), _) => Err(Halt::Died(format!("during PullImage: {how}"))),
        _ => {
            let netns = netns(&run).map(|netns| netns.path());
            Err(Halt::Error(explain(&FailedPull {
                error: &answer.message,
                requests: registry.requests().len() - before,
                tls_attempts: registry.tls_attempts(),
                address: registry.address(),
                netns: netns.as_deref(),
            })))
        }
    }
}

fn start(run: &crate::run::Run) -> Result<Registry, crate::drive::registry::RegistryError> {
    Registry::start(match run.options.registry_listen {
        Some(address) => Listen { address, netns: None },
        None => Listen { netns: netns(run), ..Listen::default() },
    })
}

/// Loopback is the target's own only in its network namespace.
fn netns(run: &crate::run::Run) -> Option<Netns> {
    if run.options.registry_listen.is_some() {
        return None;
    }
    run.grpc.peer().and_then(|peer| u32::try_from(peer.pid).ok()).map(Netns::Pid)
}

async fn pull(lane: &mut Lane, reference: &str) -> Result<Answer, Halt> {
    let spec = value::map([
        ("image", Value::from(reference)),
        ("user_specified_image", Value::from(reference)),
    ]);
    let deadline = lane.run.options.step_timeout;
    lane.ask("ImageService/PullImage", value::map([("image", spec)]), deadline).await
}

/// The user's image: pulled if it is not there, and left if it was.
async fn users(lane: &mut Lane, reference: &str) -> Result<Value, Halt> {
    let spec = value::map([("image", Value::from(reference))]);
    let request = value::map([("image", spec)]);
    let status = lane.must("ImageService/ImageStatus", request).await?;
    let id = value::member(&status, "image").and_then(|image| value::member(image, "id")).cloned();
    let image_ref = match id {
        Some(id) => value::as_text(&id),
        None => {
            let answer = pull(lane, reference).await?;
            match (&answer.outcome, &answer.reply) {
                (Outcome::Answered, Some(reply)) if answer.code == tonic::Code::Ok => {
                    field(reply, "image_ref")
                }
                _ => {
                    return Err(Halt::Error(format!(
                        "the runtime cannot pull --image {reference}: {}",
                        answer.message
                    )));
                }
            }
        }
    };
    let command: &[&str] = if lane.run.options.has_guest() { &["/guest", "sleep"] } else { &[] };
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
