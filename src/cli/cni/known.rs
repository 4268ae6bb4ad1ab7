//! Finds out what a plugin is before it is checked: its profile, its kind, and the versions that it
//! claims.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};

use super::OwnArgs;
use crate::{
    cli::common::Stop,
    drive::exec::Output,
    profile::{self, Kind, Previous, Profile},
    run::exec::ending,
    stage::{
        Stage, StageOptions,
        wire::{Executed, Execution},
    },
    suite::version::Version,
};

/// The versions of the specification that have been released.
const RELEASED: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
/// How long a first answer may take.
const PATIENCE_MS: u64 = 10_000;

/// What the user gave, or the built-in profile of that name.
pub fn profile(own: &OwnArgs, name: &str) -> Result<Profile, Stop> {
    if let Some(file) = &own.profile {
        return profile::from_file(file).map_err(Stop::usage);
    }
    if let Some(file) = &own.config {
        let path = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Stop::usage(format!("--config {path}: {error}")))?;
        let config: Json = serde_json::from_str(&text)
            .map_err(|error| Stop::usage(format!("--config {path}: it is no JSON: {error}")))?;
        if !config.is_object() {
            return Err(Stop::usage(format!("--config {path}: a configuration is an object")));
        }
        return match config.get("plugins") {
            Some(_) => Profile::of_list(&config, name, own.kind)
                .map_err(|error| Stop::usage(format!("--config {path}: {error}"))),
            None => Ok(Profile::guess(&config, own.kind)),
        };
    }
    profile::built_in(name).map_err(|_| {
        let known = profile::built_in_names().join(", ");
        Stop::usage(format!(
            "there is no built-in profile for `{name}`: give its configuration with --config FILE, or \
             a profile with --profile FILE (built in: {known})"
        ))
    })
}

/// A plugin before it is known: executes it on a stage of its own.
pub struct Stranger<'a> {
    /// The program.
    pub path: &'a Path,
    /// `CNI_PATH`
    pub search: String,
    /// Where it is executed.
    pub options: &'a StageOptions,
}

impl Stranger<'_> {
    async fn execute(
        &self,
        stage: &Stage,
        env: &[(&str, String)],
        config: &Json,
    ) -> Result<(Executed, Output), Stop> {
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("CNI_PATH".to_owned(), self.search.clone()),
        ]);
        all.extend(env.iter().map(|(name, given)| ((*name).to_owned(), given.clone())));
        let execution = Execution {
            program: self.path.to_owned(),
            env: all.into_iter().collect(),
            stdin: config.to_string().into(),
            timeout_ms: PATIENCE_MS,
            ..Execution::default()
        };
        let executed = stage.exec(execution).await.map_err(Stop::unreachable)?;
        let output = Output::read(&executed.stdout.0);
        Ok((executed, output))
    }

    /// The released versions that its VERSION names, oldest first.
    ///
    /// # Errors
    /// If it does not answer as a CNI plugin does.
    pub async fn claimed(&self) -> Result<Vec<Version>, Stop> {
        let stage = Stage::start(self.options).await.map_err(Stop::unreachable)?;
        let path = self.path.display();
        let command = [("CNI_COMMAND", "VERSION".to_owned())];
        let config = json!({ "cniVersion": "1.0.0" });
        let (executed, output) = self.execute(&stage, &command, &config).await?;
        let supported = output.first.as_ref().and_then(|reply| reply.get("supportedVersions"));
        let Some(supported) = supported.and_then(Json::as_array) else {
            let how = match &executed.refused {
                Some(why) => why.clone(),
                None => ending(&executed),
            };
            let printed = executed.stdout.text();
            let said = if printed.trim().is_empty() { executed.stderr.text() } else { printed };
            return Err(Stop::unreachable(format!(
                "{path} does not answer CNI_COMMAND=VERSION with a list of `supportedVersions` \
                 ({how}): is it a CNI plugin? It said: {said}"
            )));
        };
        let listed: Vec<&str> = supported.iter().filter_map(Json::as_str).collect();
        let known = RELEASED.iter().filter(|known| listed.contains(known));
        let claimed: Vec<Version> = known.filter_map(|known| known.parse().ok()).collect();
        if claimed.is_empty() {
            return Err(Stop::unreachable(format!(
                "{path} claims none of the released versions ({}), but: {}",
                RELEASED.join(", "),
                listed.join(", ")
            )));
        }
        Ok(claimed)
    }

    /// Finds out what an unknown plugin is, by what its ADD makes of a bare container, and of one that
    /// an earlier plugin has furnished.
    ///
    /// # Errors
    /// What it said, where neither works.
    pub async fn kind(&self, profile: &Profile, newest: &Version) -> Result<Kind, Stop> {
        let stage = Stage::start(self.options).await.map_err(Stop::unreachable)?;
        stage.make_namespace("c1").await.map_err(Stop::unreachable)?;
        let env = |command: &str| {
            [
                ("CNI_COMMAND", command.to_owned()),
                ("CNI_CONTAINERID", "stdcheck-trial".to_owned()),
                ("CNI_NETNS", "/run/netns/c1".to_owned()),
                ("CNI_IFNAME", "eth0".to_owned()),
            ]
        };
        let mut config = Json::Object(profile.config.clone());
        config["cniVersion"] = json!(newest.to_string());
        config["name"] = json!("stdcheck");
        config["type"] = json!(profile.plugin);
        let (alone, output) = self.execute(&stage, &env("ADD"), &config).await?;
        if alone.exit == Some(0) {
            let view = stage.look(Some("c1")).await.map_err(Stop::unreachable)?;
            let listed = output.first.as_ref().and_then(|reply| reply.get("interfaces")).is_some();
            let made = view.link("eth0").is_some() || listed;
            return Ok(if made { Kind::Interface } else { Kind::Ipam });
        }
        config["prevResult"] = json!({
            "cniVersion": newest.to_string(),
            "interfaces": [{ "name": "lo", "mac": "00:00:00:00:00:00", "sandbox": "/run/netns/c1" }],
            "ips": [], "routes": [], "dns": {},
        });
        let (chained, second) = self.execute(&stage, &env("ADD"), &config).await?;
        if chained.exit == Some(0) {
            return Ok(Kind::Chained);
        }
        let said = |executed: &Executed, output: &Output| {
            let error = output.error().and_then(|error| error["msg"].as_str().map(str::to_owned));
            error.unwrap_or_else(|| ending(executed))
        };
        Err(Stop::usage(format!(
            "ADD with the given configuration works neither alone ({}) nor behind another plugin ({}): \
             mend the configuration, or say what the plugin is with --kind",
            said(&alone, &output),
            said(&chained, &second)
        )))
    }
}

/// A profile whose kind was found out.
pub fn with_kind(profile: Profile, kind: Kind) -> Profile {
    let previous = profile.previous.or_else(|| (kind == Kind::Chained).then(Previous::default));
    Profile { kind, previous, ..profile }
}
