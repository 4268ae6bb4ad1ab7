//! Sparse files: what is not data is not there.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::Path,
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};

/// Makes a file of holes, in place of one that is there.
pub fn create(path: &Path, size: i64) -> io::Result<()> {
    File::create(path)?.set_len(size.unsigned_abs())
}

/// Makes the file if it is not there: seeded volumes have none until they are used.
pub fn ensure(path: &Path, size: i64) -> io::Result<()> {
    if path.exists() { Ok(()) } else { create(path, size) }
}

/// Removes the file if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the file larger; it never becomes smaller.
pub fn grow(path: &Path, size: i64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let size = size.unsigned_abs();
    if file.metadata()?.len() < size { file.set_len(size) } else { Ok(()) }
}

/// Copies what is data into a new file of this size. A source that is not there holds nothing.
pub fn copy(from: &Path, to: &Path, size: i64) -> io::Result<()> {
    create(to, size)?;
    let mut source = match File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let mut target = File::options().write(true).open(to)?;
    for range in data(&source)? {
        let end = range.end.min(size);
        if range.start >= end {
            break;
        }
        source.seek(SeekFrom::Start(range.start.unsigned_abs()))?;
        target.seek(SeekFrom::Start(range.start.unsigned_abs()))?;
        io::copy(&mut (&mut source).take((end - range.start).unsigned_abs()), &mut target)?;
    }
    target.flush()
}

/// The ranges that hold data, in order.
pub fn data(file: &File) -> io::Result<Vec<Range<i64>>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    loop {
        let start = match lseek(file, at, Whence::SeekData) {
            Ok(start) => start,
            Err(Errno::ENXIO) => return Ok(ranges),
            Err(error) => return Err(error.into()),
        };
        at = lseek(file, start, Whence::SeekHole)?;
        ranges.push(start..at);
    }
}

/// Whether there is any data.
pub fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(data(&File::open(path)?)?.is_empty())
}
