//! `log.*`: the log files of containers, looked at and rotated as the kubelet does it.
//!
//! What stands in them comes from the target: nothing of it is believed, and of no file more than a bound is read.

mod files;
mod line;
mod numbers;
mod read;
mod rotate;
mod ruler;

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
};

use crate::{run::halt::Halt, suite::expr::Value};

pub use files::{FOLDER, RENAME};
pub use numbers::NUMBERS;
pub use read::READ;
pub use rotate::ROTATE;
pub use ruler::RULER;

/// The most that is read of a log that is told as a whole.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The size of a log and its beginning, none if it is not there.
fn beginning(path: &str) -> Result<Option<(u64, Vec<u8>)>, Halt> {
    let Some(file) = open(path)? else { return Ok(None) };
    let told = |error| Halt::Error(format!("cannot read {path}: {error}"));
    let size = file.metadata().map_err(told)?.len();
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(told)?;
    Ok(Some((size, bytes)))
}

/// Opens a regular file, none if it is not there. The target may have put anything there: a pipe would block us, and a
/// device never ends.
fn open(path: &str) -> Result<Option<File>, Halt> {
    let told = |error: &io::Error| Halt::Error(format!("cannot read {path}: {error}"));
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(&error)),
    };
    if !file.metadata().map_err(|error| told(&error))?.is_file() {
        return Err(Halt::Error(format!("cannot read {path}: it is no regular file")));
    }
    Ok(Some(file))
}

/// A path that a verb may change: below the run's own folder.
fn ours(folder: &Path, path: &str) -> Result<PathBuf, Halt> {
    let found = Path::new(path);
    let straight = found.components().all(|part| part != Component::ParentDir);
    if straight && found.starts_with(folder) && found != folder {
        return Ok(found.to_owned());
    }
    Err(Halt::Error(format!("{path} is not below the folder of this run")))
}

/// A number of things in memory, for an expression.
fn int(number: impl TryInto<i64>) -> Value {
    Value::Int(number.try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_read_and_of_it_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        assert!(beginning(&path("missing")).unwrap().is_none());
        nix::unistd::mkfifo(path("fifo").as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for strange in [path("fifo"), path(""), "/dev/zero".to_owned()] {
            assert!(matches!(beginning(&strange), Err(Halt::Error(_))), "{strange}");
        }
        File::create(path("large")).unwrap().set_len(LONGEST + 1).unwrap();
        let (size, bytes) = beginning(&path("large")).unwrap().unwrap();
        assert_eq!((size, bytes.len() as u64), (LONGEST + 1, LONGEST));
    }

    #[test]
    fn only_what_is_below_our_own_folder_is_changed() {
        let folder = Path::new("/tmp/run");
        assert!(ours(folder, "/tmp/run/logs/a.log").is_ok());
        for path in ["/tmp/run", "/tmp/running/a", "/tmp/run/../a", "/a", "tmp/run/a", ""] {
            assert!(ours(folder, path).is_err(), "{path}");
        }
    }
}
