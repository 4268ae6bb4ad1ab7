//! What a user tells of a driver on the command line, put over the configuration file.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    cli::common::Stop,
    drive::csi::{
        Config,
        config::{AccessType, Texts, Volume},
    },
};

const HEADING: &str = "What the driver has";

/// What the driver has.
#[derive(Clone, Debug, clap::Args)]
pub struct DriverFlags {
    /// What no command line should show (secrets), and everything else that flags tell: a TOML file
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pub config: Option<PathBuf>,
    /// A parameter that volumes are made with; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = HEADING)]
    parameter: Vec<(String, String)>,
    /// A parameter that volumes may be given later; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = HEADING)]
    mutable_parameter: Vec<(String, String)>,
    /// How volumes are used where a check does not mind [default: found out by a trial volume]
    #[arg(long, value_name = "TYPE", help_heading = HEADING)]
    access_type: Option<AccessType>,
    /// The file system of mount volumes [default: the driver's choice]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    fs_type: Option<String>,
    /// The size of volumes in bytes [default: the driver's choice]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1..), help_heading = HEADING)]
    volume_size: Option<i64>,
    /// By how much volumes are expanded [default: to twice their size]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1..), help_heading = HEADING)]
    expand_by: Option<i64>,
    /// The largest size that the driver makes: one byte more must be refused
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1..), help_heading = HEADING)]
    max_volume_size: Option<i64>,
    /// The segments of a place that volumes can be in: KEY=VALUE[,KEY=VALUE]; the first is this node's
    #[arg(long, value_name = "SEGMENTS", value_parser = segments, help_heading = HEADING)]
    topology: Vec<Texts>,
    /// Another node of the same cluster, that volumes can be published on
    #[arg(long, value_name = "NODE_ID", help_heading = HEADING)]
    second_node: Option<String>,
    /// A volume that exists, for a driver that makes none
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    volume_id: Option<String>,
    /// The context of that volume; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "volume_id", help_heading = HEADING)]
    volume_context: Vec<(String, String)>,
    /// A folder of the driver's node below which staging and target paths are made [default: the
    /// temporary folder]
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    node_folder: Option<PathBuf>,
    /// A file that the driver logs into; may be repeated
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    driver_log: Vec<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

fn segments(text: &str) -> Result<Texts, String> {
    text.split(',').map(pair).collect()
}

impl DriverFlags {
    /// The file with the flags put over it.
    ///
    /// # Errors
    /// If the file cannot be read, or a mode in it is none.
    pub fn config(&self) -> Result<Config, Stop> {
        let mut config = match &self.config {
            Some(path) => {
                let told = |error: &dyn std::fmt::Display| {
                    Stop::usage(format!("--config {}: {error}", path.display()))
                };
                let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
                toml::from_str(&text).map_err(|error| told(&error))?
            }
            None => Config::default(),
        };
        config.parameters.extend(self.parameter.iter().cloned());
        config.mutable_parameters.extend(self.mutable_parameter.iter().cloned());
        fn put<T: Clone>(own: &mut Option<T>, flag: &Option<T>) {
            if flag.is_some() {
                own.clone_from(flag);
            }
        }
        put(&mut config.access_type, &self.access_type);
        put(&mut config.fs_type, &self.fs_type);
        put(&mut config.volume_size, &self.volume_size);
        put(&mut config.expand_by, &self.expand_by);
        put(&mut config.max_volume_size, &self.max_volume_size);
        put(&mut config.second_node, &self.second_node);
        put(&mut config.node_folder, &self.node_folder);
        if !self.topology.is_empty() {
            config.topology.clone_from(&self.topology);
        }
        config.driver_logs.extend(self.driver_log.iter().cloned());
        if let Some(id) = &self.volume_id {
            let volume = config.volume.get_or_insert_with(Volume::default);
            volume.id.clone_from(id);
            volume.context.extend(self.volume_context.iter().cloned());
        }
        known_mode(&config)?;
        Ok(config)
    }

    /// The same flags as words, for a command line that checks again.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name}"));
                words.push(value);
            }
        };
        let path = |path: &PathBuf| path.display().to_string();
        let joined = |(key, value): &(String, String)| format!("{key}={value}");
        flag("config", self.config.as_ref().map(path));
        for given in &self.parameter {
            flag("parameter", Some(joined(given)));
        }
        for given in &self.mutable_parameter {
            flag("mutable-parameter", Some(joined(given)));
        }
        flag("access-type", self.access_type.map(|access| access.name().to_owned()));
        flag("fs-type", self.fs_type.clone());
        flag("volume-size", self.volume_size.map(|size| size.to_string()));
        flag("expand-by", self.expand_by.map(|size| size.to_string()));
        flag("max-volume-size", self.max_volume_size.map(|size| size.to_string()));
        for place in &self.topology {
            let place: Vec<String> =
                place.iter().map(|(key, value)| format!("{key}={value}")).collect();
            flag("topology", Some(place.join(",")));
        }
        flag("second-node", self.second_node.clone());
        flag("volume-id", self.volume_id.clone());
        for given in &self.volume_context {
            flag("volume-context", Some(joined(given)));
        }
        flag("node-folder", self.node_folder.as_ref().map(path));
        for log in &self.driver_log {
            flag("driver-log", Some(path(log)));
        }
        words
    }
}

fn known_mode(config: &Config) -> Result<(), Stop> {
    let mode = config.unsupported_capability.as_ref().and_then(|told| told.mode.as_deref());
    let modes = crate::proto::pool().get_enum_by_name("csi.v1.VolumeCapability.AccessMode.Mode");
    match (mode, modes) {
        (Some(mode), Some(modes)) if modes.get_value_by_name(mode).is_none() => {
            let known: Vec<String> = modes.values().map(|value| value.name().to_owned()).collect();
            Err(Stop::usage(format!(
                "unsupported_capability: there is no mode `{mode}`; there is {}",
                known.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

/// What can be told of a driver, by the words of `found_by.flag`, and whether it was.
fn telling(config: &Config) -> [(&'static str, bool); 16] {
    [
        ("secrets", !config.secrets.is_empty()),
        ("wrong-secrets", !config.wrong_secrets.is_empty()),
        ("denied-secrets", !config.denied_secrets.is_empty()),
        ("bad-parameters", !config.bad_parameters.is_empty()),
        ("other-parameters", !config.other_parameters.is_empty()),
        ("bad-snapshot-parameters", !config.bad_snapshot_parameters.is_empty()),
        ("other-group-parameters", !config.other_group_parameters.is_empty()),
        ("bad-group-parameters", !config.bad_group_parameters.is_empty()),
        ("mutable-parameters", !config.mutable_parameters.is_empty()),
        ("bad-mutable-parameters", !config.bad_mutable_parameters.is_empty()),
        ("unsupported-capability", config.unsupported_capability.is_some()),
        ("second-node", config.second_node.is_some()),
        ("topology", !config.topology.is_empty()),
        ("full-topology", !config.full_topology.is_empty()),
        ("max-volume-size", config.max_volume_size.is_some()),
        ("volume", config.volume.is_some()),
    ]
}

/// The words of `found_by.flag`.
pub fn telling_flags() -> Vec<&'static str> {
    telling(&Config::default()).map(|(flag, _)| flag).to_vec()
}

/// What was told.
pub fn told(config: &Config) -> BTreeMap<String, String> {
    let told = telling(config).into_iter().filter(|(_, told)| *told);
    told.map(|(flag, _)| (flag.to_owned(), "true".to_owned())).collect()
}
