//! What the recording plugins noted, put in order and compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::SystemTime,
};

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{
    delegate::{Call, ENDS_FILE, End, LOG_FILE, read_ends, read_log, run_of_plugin},
    run::lane::nanos,
};

/// One call, as checks see it.
#[derive(Clone, Debug, Serialize)]
pub struct Noted {
    /// `CNI_COMMAND`
    pub command: String,
    /// The plugin's number in the list.
    pub plugin: usize,
    /// When it began, in nanoseconds since 1970.
    pub at: u64,
    /// When it ended; of one that still runs, the time of asking; 0 if it was killed.
    pub ended: u64,
    /// Its process.
    pub pid: u32,
    /// Its exit code; -1 without an end.
    pub exit: i32,
    /// The variables of CNI.
    pub env: BTreeMap<String, String>,
    /// All other variables, each with a number that stands for its value: a runtime's environment may
    /// hold secrets, and whether two are the same is all that is asked.
    pub other_env: BTreeMap<String, String>,
    /// CNI_CONTAINERID, CNI_NETNS and CNI_IFNAME, and the pairs of CNI_ARGS, which have no order.
    pub parameters: Parameters,
    /// What came on stdin.
    pub config: Option<Json>,
    /// The same without `prevResult`.
    pub settings: Json,
    /// The `prevResult`, or null; without what is empty.
    pub previous: Json,
    /// What it printed, or null; without what is empty.
    pub printed: Json,
    /// The network namespace that it was started in.
    pub netns_inode: u64,
    /// The one at CNI_NETNS; 0 if there was none.
    pub container_netns_inode: u64,
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Parameters {
    /// `CNI_CONTAINERID`
    pub container_id: String,
    /// `CNI_NETNS`
    pub netns: String,
    /// `CNI_IFNAME`
    pub ifname: String,
    /// The pairs of `CNI_ARGS`.
    pub args: BTreeSet<String>,
}

/// All calls that were noted in a run's folders of plugins, oldest first.
///
/// # Errors
/// The system's, with the file.
pub fn read(network: &Path) -> Result<Vec<Noted>, String> {
    let mut calls = Vec::new();
    let folders = match std::fs::read_dir(network) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(calls),
        folders => folders.map_err(|error| format!("{}: {error}", network.display()))?,
    };
    for folder in folders.flatten().map(|folder| folder.path()) {
        // The ends first: one that is there belongs to a call that is there, too.
        let ends = read_ends(&content(&folder.join(ENDS_FILE))?);
        for call in read_log(&content(&folder.join(LOG_FILE))?) {
            let end = ends.iter().find(|end| (end.pid, end.at) == (call.pid, call.at));
            calls.push(noted(call, end));
        }
    }
    calls.sort_by_key(|call| call.at);
    Ok(calls)
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(|error| format!("{}: {error}", path.display())),
    }
}

fn noted(call: Call, end: Option<&End>) -> Noted {
    let number = run_of_plugin(&call.name).and_then(|_| call.name.rsplit('-').next()?.parse().ok());
    let variable = |name: &str| call.env.get(name).cloned().unwrap_or_default();
    let args = variable("CNI_ARGS");
    let parameters = Parameters {
        container_id: variable("CNI_CONTAINERID"),
        netns: variable("CNI_NETNS"),
        ifname: variable("CNI_IFNAME"),
        args: args.split(';').filter(|pair| !pair.is_empty()).map(str::to_owned).collect(),
    };
    let (env, other) = call.env.into_iter().partition(|(name, _)| name.starts_with("CNI_"));
    let mut settings = call.config.clone().unwrap_or(Json::Null);
    let previous = settings.as_object_mut().and_then(|settings| settings.remove("prevResult"));
    Noted {
        plugin: number.unwrap_or(0),
        parameters,
        settings,
        previous: previous.map_or(Json::Null, |result| bare(&result).unwrap_or(Json::Null)),
        printed: end.and_then(|end| end.printed.as_ref()).and_then(bare).unwrap_or(Json::Null),
        ended: end.map_or_else(|| runs_until(call.pid), |end| end.ended),
        exit: end.map_or(-1, |end| end.exit),
        command: call.command,
        at: call.at,
        pid: call.pid,
        env,
        other_env: hidden(other),
        config: call.config,
        netns_inode: call.netns_inode,
        container_netns_inode: call.container_netns_inode,
    }
}

/// Now, for a process that is there.
fn runs_until(pid: u32) -> u64 {
    if Path::new("/proc").join(pid.to_string()).exists() {
        u64::try_from(nanos(SystemTime::now())).unwrap_or_default()
    } else {
        0
    }
}

fn hidden(variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let number = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    variables.into_iter().map(|(name, text)| (name, number(&text))).collect()
}

/// A result without members that are empty: whoever reads and writes one again may leave them out or
/// put them in. Of one that is empty as a whole nothing is left.
fn bare(json: &Json) -> Option<Json> {
    match json {
        Json::Null => None,
        Json::String(text) => (!text.is_empty()).then(|| json.clone()),
        Json::Array(items) => {
            let items: Vec<Json> = items.iter().filter_map(bare).collect();
            (!items.is_empty()).then_some(Json::Array(items))
        }
        Json::Object(members) => {
            let members: Map<String, Json> = members
                .iter()
                .filter_map(|(name, member)| Some((name.clone(), bare(member)?)))
                .collect();
            (!members.is_empty()).then_some(Json::Object(members))
        }
        other => Some(other.clone()),
    }
}

/// `ADD 1`
pub fn label(call: &Noted) -> String {
    format!("{} {}", call.command, call.plugin)
}

/// Calls for one container that ran at the same time, as sentences. `calls` are in order.
pub fn overlaps(calls: &[Noted]) -> Vec<String> {
    let about_one = calls.iter().filter(|call| !call.parameters.container_id.is_empty());
    let about_one: Vec<&Noted> = about_one.collect();
    let mut found = Vec::new();
    for (index, earlier) in about_one.iter().enumerate() {
        for later in &about_one[index + 1..] {
            let same = earlier.parameters.container_id == later.parameters.container_id;
            if same && later.at < earlier.ended {
                found.push(format!(
                    "{} began {} ms before {} of the same container had ended",
                    label(later),
                    (earlier.ended - later.at) / 1_000_000,
                    label(earlier)
                ));
            }
        }
    }
    found
}

/// What each call for an attachment must be preceded by, by plugin: ADDs without a DEL since the last
/// one, and CHECKs of what is not attached.
pub fn disorder(calls: &[Noted]) -> (Vec<String>, Vec<String>) {
    let mut attached = BTreeSet::new();
    let (mut again, mut unattached) = (Vec::new(), Vec::new());
    for call in calls {
        let of =
            (call.plugin, call.parameters.container_id.clone(), call.parameters.ifname.clone());
        match call.command.as_str() {
            "ADD" if !attached.insert(of.clone()) => {
                again.push(format!("{} of {}", label(call), of.1))
            }
            "DEL" => {
                attached.remove(&of);
            }
            "CHECK" if !attached.contains(&of) => {
                unattached.push(format!("{} of {}", label(call), of.1));
            }
            _ => {}
        }
    }
    (again, unattached)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(command: &str, plugin: usize, at: u64, ended: u64) -> Noted {
        let env = [
            ("CNI_CONTAINERID", "c"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", "B=2;A=1;"),
            ("TOKEN", "secret"),
        ];
        let call = Call {
            command: command.to_owned(),
            at,
            pid: 7,
            name: format!("stdcheck-00c0ffee-{plugin}"),
            env: env.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            stdin: String::new(),
            config: Some(
                json!({ "name": "n", "prevResult": { "dns": {}, "ips": [{ "gateway": "" }] } }),
            ),
            netns_inode: 1,
            container_netns_inode: 2,
        };
        let printed = Some(json!({ "ips": [], "cniVersion": "1.0.0", "interface": 0 }));
        noted(call, Some(&End { pid: 7, at, ended, exit: 0, printed }))
    }

    #[test]
    fn a_call_is_told_without_what_is_empty() {
        let call = call("ADD", 2, 1, 2);
        assert_eq!((label(&call).as_str(), call.exit), ("ADD 2", 0));
        assert_eq!(call.previous, Json::Null);
        assert_eq!(call.printed, json!({ "cniVersion": "1.0.0", "interface": 0 }));
        assert_eq!(call.settings, json!({ "name": "n" }));
        assert_eq!(call.env.len(), 3);
        assert!(call.other_env["TOKEN"] != "secret" && call.other_env.len() == 1);
        assert_eq!(call.parameters.args, BTreeSet::from(["A=1".to_owned(), "B=2".to_owned()]));
    }

    #[test]
    fn calls_at_the_same_time_are_found() {
        let calls = [call("ADD", 1, 0, 10), call("ADD", 2, 10, 20), call("DEL", 2, 15, 16)];
        let found = overlaps(&calls);
        assert_eq!(found, ["DEL 2 began 0 ms before ADD 2 of the same container had ended"]);
        assert_eq!(overlaps(&calls[..2]), Vec::<String>::new());
    }

    #[test]
    fn what_is_out_of_order_is_found() {
        let commands = ["CHECK", "ADD", "CHECK", "ADD", "DEL", "ADD", "DEL", "CHECK"];
        let calls: Vec<Noted> = commands.iter().map(|command| call(command, 1, 0, 0)).collect();
        let (again, unattached) = disorder(&calls);
        assert_eq!(again, ["ADD 1 of c"]);
        assert_eq!(unattached.len(), 2);
    }
}
