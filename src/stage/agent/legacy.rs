//! Packet filter tables of the old kind, which only their own programs can read. They are started only
//! where the kernel says that there are such tables.

use std::{fs, path::Path};

use super::{
    children::Children,
    execution,
    state::{Thing, Things},
};
use crate::stage::wire::{Bytes, Executed, Execution};

const FAMILIES: [(&str, &str); 2] = [("ip", "iptables-legacy"), ("ip6", "ip6tables-legacy")];
const FOLDERS: &str = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin";

/// All rules and chains of the old kind.
pub fn things(children: &mut Children, to: &mut Things) -> Result<(), String> {
    for (family, program) in FAMILIES {
        if tables(family).is_empty() {
            continue;
        }
        let saved = run(children, &format!("{program}-save"), &[], "")?;
        let mut table = String::new();
        for line in saved.stdout.text().lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = format!("table {family} {name} (legacy)");
            } else if let Some(chain) = line.strip_prefix(':') {
                let mut words = chain.split(' ');
                let (name, policy) = (words.next().unwrap_or_default(), words.next());
                // Chains of the kernel have a policy, others a dash.
                if policy == Some("-") {
                    to.add(Thing::of(format!("chain {name} in {table}")));
                } else if policy == Some("DROP") {
                    to.add(Thing::of(format!("policy drop of chain {name} in {table}")));
                }
            } else if line.starts_with("-A ") {
                to.add(Thing::of(format!("rule `{line}` in {table}")));
            }
        }
    }
    Ok(())
}

/// Empties all tables of the old kind.
pub fn flush(children: &mut Children) -> Result<(), String> {
    for (family, program) in FAMILIES {
        for table in tables(family) {
            for what in ["-F", "-X"] {
                run(children, program, &["-t", &table, what], &table)?;
            }
        }
    }
    Ok(())
}

fn tables(family: &str) -> Vec<String> {
    let names = fs::read_to_string(format!("/proc/net/{family}_tables_names"));
    names.unwrap_or_default().lines().map(str::to_owned).collect()
}

fn run(
    children: &mut Children,
    program: &str,
    args: &[&str],
    table: &str,
) -> Result<Executed, String> {
    let paths = FOLDERS.split(':').map(|folder| Path::new(folder).join(program));
    let path = paths.into_iter().find(|path| path.exists()).ok_or_else(|| {
        format!("the kernel has legacy tables, and {program}, which reads them, is not installed")
    })?;
    let execution = Execution {
        program: path,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: vec![("PATH".to_owned(), FOLDERS.to_owned())],
        stdin: Bytes::default(),
        timeout_ms: 10_000,
        cap: 16 << 20,
        ..Execution::default()
    };
    let done = execution::execute(children, vec![execution]).pop().unwrap_or_default();
    match done.exit {
        Some(0) => Ok(done),
        _ => Err(format!("{program} {table}: {}", done.stderr.text().trim())),
    }
}
