//! `csi.log_*`: what the driver writes down.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use super::{place::paths::driver, values::texts_type};
use crate::{
    drive::csi::Driver,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
    verdict::SkipKind,
};

/// What is shown of the line.
const EXCERPT: usize = 200;

/// Looks for a text in all that the driver wrote.
pub const SCAN: Verb = Verb {
    signature: Signature {
        name: "csi.log_scan",
        title: "looks for a text in the driver's output and log files, then in status messages",
        params: &[Param { name: "needle", required: true, title: "the text" }],
        reply: || {
            Type::members([("found", Type::Bool), ("where", Type::Text), ("excerpt", Type::Text)])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(scan(lane, params)) },
};

/// Log files that it has open.
pub const FILES: Verb = Verb {
    signature: Signature {
        name: "csi.log_files",
        title: "log files that the driver's process has open for writing",
        params: &[],
        reply: || Type::members([("files", texts_type())]),
        looks: true,
    },
    run: |lane, _: Params| -> Done<'_> { Box::pin(async move { files(lane) }) },
};

fn files(lane: &Lane) -> Result<Value, Halt> {
    let driver = driver(lane)?;
    let files = open_logs(pid(lane, &driver));
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Ok(value::map([("files", Value::from(names))]))
}

fn pid(lane: &Lane, driver: &Driver) -> Option<i32> {
    match &driver.launched {
        Some(launched) => launched.pid(),
        None => lane.run.drive.peer().map(|peer| peer.pid),
    }
}

/// Regular files, by their names below the process's root.
fn open_logs(pid: Option<i32>) -> Vec<PathBuf> {
    let Some(pid) = pid else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let is_log = |path: &Path| {
        let named = path.extension().is_some_and(|extension| extension == "log");
        (named || path.starts_with("/var/log")) && in_root(pid, path).is_file()
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| is_written(pid, &entry.file_name().to_string_lossy()))
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| path.is_absolute() && is_log(path))
        .collect();
    files.sort();
    files.dedup();
    files
}

/// Whether a descriptor is open for writing.
fn is_written(pid: i32, descriptor: &str) -> bool {
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}"));
    let flags = info.ok().and_then(|info| {
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
        u32::from_str_radix(&flags, 8).ok()
    });
    flags.is_some_and(|flags| flags & 0o3 != 0)
}

fn in_root(pid: i32, path: &Path) -> PathBuf {
    Path::new("/proc")
        .join(pid.to_string())
        .join("root")
        .join(path.strip_prefix("/").unwrap_or(path))
}

async fn scan(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let needle = params.text("needle")?.to_owned();
    if needle.is_empty() {
        return Err(Halt::Error("the needle is empty".to_owned()));
    }
    let driver = driver(lane)?;
    let pid = pid(lane, &driver);
    let logs = move || {
        let mut files = driver.config.driver_logs.clone();
        if let Some(launched) = &driver.launched {
            for output in [launched.stdout(), launched.stderr()] {
                output.settle();
                files.push(output.path().to_owned());
            }
            if let Some(pid) = pid {
                files.extend(open_logs(Some(pid)).iter().map(|path| in_root(pid, path)));
            }
        }
        let known = !files.is_empty();
        (
            known,
            files.into_iter().find_map(|file| line_with(&file, &needle).map(|line| (file, line))),
        )
    };
    let (known, found) =
        tokio::task::spawn_blocking(logs).await.map_err(|error| Halt::Error(error.to_string()))?;
    if !known {
        let why = "the driver's logs are not known: name them with --driver-log FILE".to_owned();
        return Err(Halt::Skip(SkipKind::NotChecked, why));
    }
    if let Some((file, line)) = found {
        return Ok(told(true, &file.display().to_string(), &line));
    }
    // A secret that the run knows stands in evidence under another name.
    let shown = lane.run.redactor.text(params.text("needle")?);
    let mut exchanges = lane.exchanges.iter().map(|seen| seen.shown(&lane.run.redactor));
    let said = exchanges.find(|exchange| exchange.message.contains(&shown));
    Ok(match said {
        Some(exchange) => {
            told(true, &format!("the status message of {}", exchange.what), &exchange.message)
        }
        None => told(false, "", ""),
    })
}

/// The first line that holds a text.
fn line_with(file: &Path, needle: &str) -> Option<String> {
    let mut lines = BufReader::new(File::open(file).ok()?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(at) = text.find(needle) {
            let early = at.saturating_sub(EXCERPT / 2);
            let begin = (early..=at).find(|at| text.is_char_boundary(*at)).unwrap_or(at);
            return Some(text[begin..].chars().take(EXCERPT + needle.len()).collect());
        }
    }
}

fn told(found: bool, place: &str, excerpt: &str) -> Value {
    value::map([
        ("found", Value::Bool(found)),
        ("where", Value::from(place)),
        ("excerpt", Value::from(excerpt.trim())),
    ])
}
