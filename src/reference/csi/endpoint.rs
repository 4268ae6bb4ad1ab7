//! The socket that the driver is reached at.

use std::{
    fs, io,
    os::unix::{fs::FileTypeExt, net::UnixStream},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

/// A socket that goes with the driver.
pub struct Endpoint {
    path: PathBuf,
    listener: Option<UnixListener>,
}

/// The path in an endpoint of the form `unix:///path`.
pub fn path(endpoint: &str) -> Result<PathBuf, String> {
    let path = endpoint.strip_prefix("unix://").filter(|path| path.starts_with('/'));
    let path = path.filter(|path| !path.ends_with('/') && !path.contains('\0'));
    path.map(PathBuf::from).ok_or_else(|| {
        format!("the endpoint {endpoint:?} is not of the form unix:///path/to/csi.sock")
    })
}

impl Endpoint {
    /// Listens. A socket file that nobody answers at is replaced; anything else stays.
    pub fn bind(path: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot listen at {}: {error}", path.display());
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(meta) if !meta.file_type().is_socket() => {
                return Err(format!("{} is there, and is not a socket", path.display()));
            }
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(format!("somebody answers at {} already", path.display()));
            }
            Ok(_) => fs::remove_file(path).map_err(failed)?,
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), listener: Some(listener) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The listener, once.
    pub fn take(&mut self) -> Result<UnixListener, String> {
        self.listener.take().ok_or_else(|| "the endpoint is in use".to_owned())
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn only_absolute_sockets_are_endpoints() {
        assert!(path("unix:///run/csi.sock").is_ok());
        for wrong in ["", "/run/csi.sock", "unix://run/csi.sock", "tcp://1.2.3.4:5", "unix:///"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
