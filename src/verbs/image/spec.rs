//! What steps say about the image that they want.

use crate::{image::ImageSpec, run::halt::Halt, suite::signature::Param, verbs::Params};

const fn param(name: &'static str, title: &'static str) -> Param {
    Param { name, required: false, title }
}

pub(super) const ENTRYPOINT: Param = param("entrypoint", "ENTRYPOINT, a list");
pub(super) const CMD: Param = param("cmd", "CMD, a list");
pub(super) const ENV: Param = param("env", "ENV, a list of KEY=VALUE");
pub(super) const USER: Param = param("user", "USER");
pub(super) const STOP_SIGNAL: Param = param("stop_signal", "STOPSIGNAL");
pub(super) const WORKING_DIR: Param = param("working_dir", "WORKDIR");
pub(super) const VOLUMES: Param = param("volumes", "VOLUMEs, a list of paths");

/// The image that the parameters above describe, told from others by `unique`.
pub(super) fn read(params: &Params, unique: &str) -> Result<ImageSpec, Halt> {
    let optional = |name: &str| match params.get(name) {
        Some(_) => params.text(name).map(str::to_owned),
        None => Ok(String::new()),
    };
    Ok(ImageSpec {
        entrypoint: params.texts("entrypoint")?,
        cmd: params.texts("cmd")?,
        env: params.texts("env")?,
        working_dir: optional("working_dir")?,
        user: optional("user")?,
        stop_signal: Some(optional("stop_signal")?).filter(|signal| !signal.is_empty()),
        volumes: params.texts("volumes")?,
        unique: unique.to_owned(),
        ..ImageSpec::default()
    })
}
