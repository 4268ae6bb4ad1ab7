//! The guest as a network plugin: when `CNI_COMMAND` is set it is one, and records its calls.
//!
//! The configuration names a folder in `stdcheckDir`; each call appends `COMMAND CONTAINERID NETNS` to the
//! file `calls` there. ADD answers with a fixed address of a documentation range and makes nothing.

use std::io::Read;

use crate::{Failure, Outcome, output};

const VERSIONS: &str = r#"["0.3.0","0.3.1","0.4.0","1.0.0"]"#;

/// Does what a runtime asks of a plugin.
pub fn plugin(command: &str) -> Outcome {
    let mut configuration = String::new();
    if std::io::stdin().read_to_string(&mut configuration).is_err() {
        return Err(Failure::Failed(Some("no configuration on stdin".to_owned())));
    }
    let version = member(&configuration, "cniVersion").unwrap_or("0.4.0");
    if command == "VERSION" {
        let answer = format!(r#"{{"cniVersion":"{version}","supportedVersions":{VERSIONS}}}"#);
        return output::to_stdout(answer.as_bytes()).map(|()| 0);
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if let Some(folder) = member(&configuration, "stdcheckDir") {
        let line = format!("{command} {} {}\n", variable("CNI_CONTAINERID"), variable("CNI_NETNS"));
        if let Err(error) = append(&format!("{folder}/calls"), &line) {
            return Err(Failure::Failed(Some(format!("cannot record the call: {error}"))));
        }
    }
    if command == "ADD" {
        let answer = format!(
            r#"{{"cniVersion":"{version}","interfaces":[{{"name":"{}","sandbox":"{}"}}],"ips":[{{"version":"4","interface":0,"address":"192.0.2.2/24"}}]}}"#,
            variable("CNI_IFNAME"),
            variable("CNI_NETNS"),
        );
        return output::to_stdout(answer.as_bytes()).map(|()| 0);
    }
    Ok(0)
}

fn append(path: &str, line: &str) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
}

/// The text of a member that we wrote ourselves, so that it holds no escapes.
fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = json.split_once(&format!("\"{name}\""))?;
    let (_, value) = after.split_once('"')?;
    value.split_once('"').map(|(value, _)| value)
}
