//! `write`, `read`, `ls` and `stat`: one JSON object per path, on one line each.
//!
//! | command | members beside `path` |
//! |---|---|
//! | `write` | `written`: bytes |
//! | `read` | `size`: bytes; `text`; `base64` |
//! | `ls` | `entries`: names, sorted, without `.` and `..` |
//! | `stat` | of the path itself, links are not followed: `type` (`file`, `directory`, `symlink`, `block`, `character`, `fifo`, `socket`), `mode` (four octal digits as text), `uid`, `gid`, `size`, `nlink`, `dev`, `ino`, `rdev`, `target` (of a symlink, else null) |
//! | any, where it failed | `error`: the name, such as `EROFS`, or the system's words; `errno`: number |
//!
//! The exit code is 1 if any path failed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use crate::json::{Object, array, base64, optional, string};
use crate::{Failure, Outcome, output};

/// Replaces the contents of the file, or makes it.
pub fn write(path: &OsStr, text: &OsStr) -> Outcome {
    each(&[path.to_owned()], |path| {
        let bytes = text.as_bytes();
        std::fs::write(path, bytes)?;
        Ok(about(path).set("written", bytes.len().to_string()))
    })
}

/// Prints the contents of files.
pub fn read(paths: &[OsString]) -> Outcome {
    each(paths, |path| {
        let bytes = std::fs::read(path)?;
        Ok(about(path)
            .set("size", bytes.len().to_string())
            .set("text", string(&bytes))
            .set("base64", base64(&bytes)))
    })
}

/// Prints the names in directories.
pub fn list(paths: &[OsString]) -> Outcome {
    each(paths, |path| {
        let mut names = std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<Vec<OsString>>>()?;
        names.sort();
        Ok(about(path).set("entries", array(names.iter().map(|name| string(name.as_bytes())))))
    })
}

/// Prints what the file system knows of paths.
pub fn stat(paths: &[OsString]) -> Outcome {
    each(paths, |path| {
        let found = std::fs::symlink_metadata(path)?;
        let target = std::fs::read_link(path).ok();
        Ok(about(path)
            .set("type", string(type_name(found.file_type())))
            .set("mode", string(format!("{:04o}", found.mode() & 0o7777)))
            .set("uid", found.uid().to_string())
            .set("gid", found.gid().to_string())
            .set("size", found.size().to_string())
            .set("nlink", found.nlink().to_string())
            .set("dev", found.dev().to_string())
            .set("ino", found.ino().to_string())
            .set("rdev", found.rdev().to_string())
            .set("target", optional(target.map(|path| path.into_os_string().into_encoded_bytes()))))
    })
}

fn each(paths: &[OsString], look: impl Fn(&OsStr) -> io::Result<Object>) -> Outcome {
    let mut failed = false;
    for path in paths {
        let line = look(path).unwrap_or_else(|error| {
            failed = true;
            about(path)
                .set("error", string(error_name(&error)))
                .set("errno", error.raw_os_error().unwrap_or(0).to_string())
        });
        output::to_stdout(line.text().as_bytes())?;
    }
    if failed { Err(Failure::Failed(None)) } else { Ok(0) }
}

fn about(path: &OsStr) -> Object {
    Object::default().set("path", string(path.as_bytes()))
}

fn type_name(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "symlink"
    } else if kind.is_block_device() {
        "block"
    } else if kind.is_char_device() {
        "character"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "file"
    }
}

/// The names that Linux has, with equal numbers on every architecture, for what checks meet.
fn error_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(1) => "EPERM",
        Some(2) => "ENOENT",
        Some(5) => "EIO",
        Some(6) => "ENXIO",
        Some(13) => "EACCES",
        Some(16) => "EBUSY",
        Some(17) => "EEXIST",
        Some(19) => "ENODEV",
        Some(20) => "ENOTDIR",
        Some(21) => "EISDIR",
        Some(22) => "EINVAL",
        Some(28) => "ENOSPC",
        Some(30) => "EROFS",
        _ => return error.to_string(),
    };
    name.into()
}
