//! `image.publish`: serves a test image from our own registry, for steps that pull it themselves.

use super::{COMMAND, registry, spec, terms};
use crate::{
    image::{Blob, Image, ImageSpec},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// The name of an image that is given none, as `image.provide` names its own.
const TAG: &str = "test";
/// The largest image that is made in memory.
const LARGEST: usize = 1 << 30;

/// Makes a unique image and serves it, and does not pull it.
pub const PUBLISH: Verb = Verb {
    signature: Signature {
        name: "image.publish",
        title: "serves an image from stdcheck's registry",
        params: &[
            spec::ENTRYPOINT,
            spec::CMD,
            spec::ENV,
            spec::USER,
            spec::STOP_SIGNAL,
            spec::WORKING_DIR,
            spec::VOLUMES,
            Param {
                name: "names",
                required: false,
                title: "repository:tag, a list; a unique part is put before each [default: one name]",
            },
            Param {
                name: "reference",
                required: false,
                title: "instead of names: the whole of a reference to an image in our registry",
            },
            Param { name: "layers", required: false, title: "how many further small layers" },
            Param {
                name: "layer_bytes",
                required: false,
                title: "the size of one more layer, the last, which does not compress",
            },
            Param {
                name: "index",
                required: false,
                title: "true: an index of this machine's platform and a foreign one",
            },
            Param {
                name: "escape",
                required: false,
                title: "true: a layer that tries to write to `canary`, outside the root",
            },
            Param {
                name: "auth",
                required: false,
                title: "the credentials that are wanted: basic, encoded, identity or registry",
            },
            Param {
                name: "fault",
                required: false,
                title: "what goes wrong: { on = manifest, config, layer or token, do = status (with status, \
                        retry_after in seconds), cut, stall or short (with after in bytes), slow (with seconds) or \
                        corrupt, times = how often [default: always] }",
            },
        ],
        reply,
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(publish(lane, params)) },
};

fn reply() -> Type {
    let texts = || Type::List(Box::new(Type::Text));
    let message = || Type::Map(Box::new(Type::Text));
    Type::members([
        ("reference", Type::Text),
        ("references", texts()),
        ("repository", Type::Text),
        ("by_digest", Type::Text),
        ("alias", Type::Text),
        ("digest", Type::Text),
        ("manifest_digest", Type::Text),
        ("image_id", Type::Text),
        ("layers", texts()),
        ("size", Type::Int),
        ("command", texts()),
        ("auth", message()),
        ("wrong_auth", message()),
        ("canary", Type::Text),
    ])
}

async fn publish(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let run = lane.run.clone();
    let unique = run.unique();
    let canary = params.flag("escape")?.then(|| run.dir.join(&unique).display().to_string());
    let spec = ImageSpec {
        further_layers: size(&params, "layers")?,
        noise: size(&params, "layer_bytes")?,
        index: params.flag("index")?,
        escape: canary.clone(),
        ..spec::read(&params, &unique)?
    };
    let lock = terms::lock(&params, &unique)?;
    let fault = terms::fault(&params)?;
    let registry = registry(&run).await?;
    let host = registry.host().to_string();
    let (repository, names) = match params.get("reference") {
        Some(_) => exactly(params.text("reference")?, &host)?,
        None => {
            let repository = format!("{}/{unique}", run.namespace());
            let names = names(&params.texts("names")?, &repository)?;
            (repository, names)
        }
    };
    let image = Image::build(&spec).map_err(|error| Halt::Error(error.to_string()))?;
    let named: Vec<(&str, &str)> =
        names.iter().map(|(repository, tag)| (repository.as_str(), tag.as_str())).collect();
    registry.offer(&named, &image, lock.access, fault);
    // A large image must not take memory to the end of the run.
    let (serving, name) = (run.clone(), repository.clone());
    lane.at_end(Box::new(move || {
        Box::pin(async move {
            if let Some(registry) = serving.registry.get() {
                registry.withdraw(&name);
            }
            Ok(())
        })
    }));

    let full = |(repository, tag): &(String, String)| format!("{host}/{repository}:{tag}");
    let references: Vec<String> = names.iter().map(full).collect();
    let (first, tag) = &names[0];
    let alias = registry.alias().map(|alias| format!("{alias}/{first}:{tag}"));
    let digests =
        |blobs: &[Blob]| -> Vec<String> { blobs.iter().map(|blob| blob.digest.clone()).collect() };
    let bytes: usize = image.layers.iter().map(|layer| layer.bytes.len()).sum();
    Ok(value::map([
        ("reference", Value::from(references[0].as_str())),
        ("references", Value::from(references)),
        ("repository", Value::from(repository.as_str())),
        ("by_digest", Value::from(format!("{host}/{first}@{}", image.top().digest))),
        ("alias", Value::from(alias.unwrap_or_default())),
        ("digest", Value::from(image.top().digest.as_str())),
        ("manifest_digest", Value::from(image.manifest.digest.as_str())),
        ("image_id", Value::from(image.id())),
        ("layers", Value::from(digests(&image.layers))),
        ("size", Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX))),
        ("command", Value::from(COMMAND.to_vec())),
        ("auth", lock.right),
        ("wrong_auth", lock.wrong),
        ("canary", Value::from(canary.unwrap_or_default())),
    ]))
}

fn size(params: &Params, name: &str) -> Result<usize, Halt> {
    if params.get(name).is_none() {
        return Ok(0);
    }
    let number = params.number(name)?;
    usize::try_from(number).ok().filter(|number| *number <= LARGEST).ok_or_else(|| {
        Halt::Error(format!("the parameter `{name}` is 0 to {LARGEST}, not {number}"))
    })
}

/// Repository and tag of each name; the unique one alone if there is none.
fn names(given: &[String], unique: &str) -> Result<Vec<(String, String)>, Halt> {
    if given.is_empty() {
        return Ok(vec![(unique.to_owned(), TAG.to_owned())]);
    }
    given
        .iter()
        .map(|name| match name.split_once(':') {
            Some((repository, tag)) => Ok((format!("{unique}/{repository}"), tag.to_owned())),
            None => Err(Halt::Error(format!("`names` has {name:?}, which is not repository:tag"))),
        })
        .collect()
}

/// The repository and the only name of a reference in full.
fn exactly(reference: &str, host: &str) -> Result<(String, Vec<(String, String)>), Halt> {
    let name = reference.strip_prefix(host).and_then(|rest| rest.strip_prefix('/'));
    match name.and_then(|name| name.split_once(':')) {
        Some((repository, tag)) => {
            Ok((repository.to_owned(), vec![(repository.to_owned(), tag.to_owned())]))
        }
        None => Err(Halt::Error(format!(
            "`{reference}` is no reference in stdcheck's registry: {host}/repository:tag"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_below_the_unique_part() {
        let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        let given = ["one:a".to_owned(), "two:b".to_owned()];
        assert_eq!(names(&given, "u").ok(), Some(vec![pair("u/one", "a"), pair("u/two", "b")]));
        assert_eq!(names(&[], "u").ok(), Some(vec![pair("u", TAG)]));
        assert!(names(&["one".to_owned()], "u").is_err());
    }

    #[test]
    fn a_whole_reference_is_in_our_registry() {
        let name = ("a/b".to_owned(), "1".to_owned());
        let found = exactly("127.0.0.1:5000/a/b:1", "127.0.0.1:5000").ok();
        assert_eq!(found, Some((name.0.clone(), vec![name])));
        for reference in ["127.0.0.1:5001/a:1", "127.0.0.1:5000/a", "a:1", ""] {
            assert!(exactly(reference, "127.0.0.1:5000").is_err(), "{reference}");
        }
    }
}
