//! A report's file: known to be writable before the run, whole or absent after it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::ReportError;

/// A file that takes its content at once, at the end.
pub struct ReportFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    /// Written beside the target and renamed: a crash or a full disk never leaves half a report.
    Beside(NamedTempFile),
    /// A pipe, a device, or a file in a folder that takes no new files: nothing can be renamed over it.
    Direct(File),
}

impl ReportFile {
    /// Makes sure that `path` can be written, without changing what is there now.
    pub fn create(path: &Path) -> Result<Self, ReportError> {
        let sink = open(path).map_err(ReportError::unwritable(path))?;
        Ok(ReportFile { path: path.to_owned(), sink })
    }

    /// Writes the whole content and puts it in place.
    pub fn write(self, text: &str) -> Result<(), ReportError> {
        put(self.sink, &self.path, text.as_bytes()).map_err(ReportError::unwritable(&self.path))
    }
}

/// Where a path leads, however it is spelt; the file itself need not be there.
pub(super) fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let of_folder = || {
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(of_folder).unwrap_or_else(|| path.to_owned())
}

fn open(path: &Path) -> io::Result<Sink> {
    let existing = match fs::metadata(path) {
        Ok(meta) => {
            // Opened without truncating: a folder, or a file that its owner made read-only, is refused here.
            let file = OpenOptions::new().write(true).open(path)?;
            if !meta.is_file() {
                return Ok(Sink::Direct(file));
            }
            Some(file)
        }
        Err(_) => None,
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let beside = tempfile::Builder::new()
        .prefix(".stdcheck-report-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder);
    match (beside, existing) {
        (Ok(beside), _) => Ok(Sink::Beside(beside)),
        (Err(_), Some(file)) => Ok(Sink::Direct(file)),
        (Err(error), None) => {
            // A folder that is missing says so in the system's own words; for the rest the kind is enough, and
            // leaves out the name of the temporary file, which tells a user nothing.
            fs::metadata(folder.join("."))?;
            Err(error.kind().into())
        }
    }
}

fn put(sink: Sink, path: &Path, content: &[u8]) -> io::Result<()> {
    match sink {
        Sink::Beside(mut beside) => {
            // Past the wrapper, whose errors carry the name of the temporary file.
            beside.as_file_mut().write_all(content)?;
            beside.as_file().sync_all()?;
            match beside.persist(path) {
                Ok(_) => Ok(()),
                // A file that is mounted into a container cannot be renamed over, but it can be written.
                Err(_) if path.is_file() => fs::write(path, content),
                Err(error) => Err(error.error),
            }
        }
        Sink::Direct(mut file) => {
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            file.write_all(content)?;
            file.flush()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_what_is_there_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.xml");
        fs::write(&path, "old").unwrap();
        drop(ReportFile::create(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        let file = ReportFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o400, 0, "others may read it as far as the umask lets them: {mode:o}");
    }

    #[test]
    fn names_the_path_and_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| match ReportFile::create(path) {
            Ok(_) => panic!("{} is not writable", path.display()),
            Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), "DIR"),
        };
        assert_eq!(
            told(&folder.path().join("no/out.xml")),
            "cannot write DIR/no/out.xml: No such file or directory (os error 2); create the folder DIR/no first"
        );
        assert_eq!(
            told(folder.path()),
            "cannot write DIR: Is a directory (os error 21); name a file inside it"
        );
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(
            told(&folder.path().join("file/out.xml")),
            "cannot write DIR/file/out.xml: Not a directory (os error 20); a part of the path is a file: name another place"
        );
    }

    #[test]
    fn a_device_is_never_replaced() {
        let null = Path::new("/dev/null");
        ReportFile::create(null).unwrap().write("gone").unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_no_report() {
        let full = Path::new("/dev/full");
        let error = ReportFile::create(full).unwrap().write("x").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write /dev/full:")
                && error.ends_with("free some space there"),
            "{error}"
        );
    }
}
