//! Where a target listens, as users write it.

use std::{fmt, path::PathBuf, str::FromStr};

/// A gRPC endpoint: a unix socket, or a TCP address without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `unix:///run/x.sock` or a path.
    Unix(PathBuf),
    /// `tcp://host:port`
    Tcp(String),
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unix = |path: &str| {
            if path.is_empty() {
                Err(format!("`{text}` names no socket; write a path or unix:///path"))
            } else {
                Ok(Endpoint::Unix(PathBuf::from(path)))
            }
        };
        if let Some(path) = text.strip_prefix("unix://") {
            return unix(path);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let address = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://"));
        if let Some(address) = address {
            let has_port = address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            return if has_port {
                Ok(Endpoint::Tcp(address.to_owned()))
            } else {
                Err(format!("`{text}` has no port; write tcp://host:port"))
            };
        }
        if text.contains("://") {
            return Err(format!(
                "`{text}`: an endpoint is a path, unix:///path or tcp://host:port"
            ));
        }
        unix(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_spellings() {
        let unix = Endpoint::Unix("/run/a.sock".into());
        for text in ["/run/a.sock", "unix:///run/a.sock", "unix:/run/a.sock"] {
            assert_eq!(text.parse(), Ok(unix.clone()), "{text}");
        }
        assert_eq!("tcp://[::1]:99".parse(), Ok(Endpoint::Tcp("[::1]:99".into())));
        for text in ["", "unix://", "tcp://host", "tcp://:1", "npipe://x"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
