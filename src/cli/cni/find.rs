//! Finds plugins: by path, or by name in the usual folders.

use std::path::{Path, PathBuf};

use crate::{cli::common::Stop, suite::load::Suite};

/// The plugin that the user means, as an absolute path.
///
/// # Errors
/// Where it was looked for.
pub fn plugin(suite: &Suite, named: &str) -> Result<PathBuf, Stop> {
    let here = std::env::current_dir().map_err(Stop::usage)?;
    let found = if named.contains('/') {
        which::which_in(named, None::<&str>, here)
    } else {
        let folders = std::env::join_paths(&suite.endpoints).map_err(Stop::usage)?;
        which::which_in(named, Some(folders), here)
    };
    found.map_err(|_| {
        Stop::unreachable(if named.contains('/') {
            format!("{named} is no program that can be executed")
        } else {
            let folders = suite.endpoints.join(", ");
            format!("there is no plugin {named} in {folders}; name its path")
        })
    })
}

/// The folder whose plugins are all checked: the user's, or the first of the usual ones that exists.
///
/// # Errors
/// If there is none.
pub fn folder(suite: &Suite, named: Option<&str>) -> Result<PathBuf, Stop> {
    let found = match named {
        Some(named) => Some(PathBuf::from(named)).filter(|folder| folder.is_dir()),
        None => suite.endpoints.iter().map(PathBuf::from).find(|folder| folder.is_dir()),
    };
    let folder = found.ok_or_else(|| match named {
        Some(named) => Stop::unreachable(format!("--all {named}: there is no such folder")),
        None => Stop::unreachable(format!(
            "there is no plugin folder at {}; name it: --all DIR",
            suite.endpoints.join(", ")
        )),
    })?;
    std::fs::canonicalize(&folder)
        .map_err(|error| Stop::unreachable(format!("{}: {error}", folder.display())))
}

/// The base name of a plugin: the `type` of its configuration.
pub fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
