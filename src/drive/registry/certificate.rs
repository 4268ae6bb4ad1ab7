//! The certificate of a registry that speaks https: the user's, or one of our own with its CA.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What http over these connections is called when they are made.
const HTTP: &[u8] = b"http/1.1";

/// Where the certificate of an https registry comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Files in PEM.
    Given {
        /// The certificate, and those between it and its CA.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made when the registry starts, for its address and `localhost`.
    OwnMade {
        /// Where its CA is written to, in PEM.
        ca_out: Option<PathBuf>,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that cannot be read, or has something else in it.
    #[error("the registry's {what} cannot be read from {path}: {source}", path = path.display())]
    Read {
        /// `certificate` or `key`
        what: &'static str,
        /// As it was given.
        path: PathBuf,
        /// What is wrong.
        source: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in PEM in {path}", path = .0.display())]
    Empty(PathBuf),
    /// The CA could not be written.
    #[error("the CA of the registry's certificate cannot be written to {path}: {source}", path = path.display())]
    Write {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Certificate and key do not go together, or are of a kind that is not known.
    #[error("the registry's certificate cannot be used: {0}")]
    Unfit(#[from] tokio_rustls::rustls::Error),
    /// Our own certificate could not be made.
    #[error("no certificate could be made for the registry: {0}")]
    Make(#[from] rcgen::Error),
}

impl Certificate {
    /// How a server with this certificate talks to clients.
    pub(super) fn config(&self, listen: SocketAddr) -> Result<Arc<ServerConfig>, CertificateError> {
        let (chain, key) = match self {
            Self::Given { certificate, key } => read(certificate, key)?,
            Self::OwnMade { ca_out } => make(listen.ip(), ca_out.as_deref())?,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Arc::new(config))
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(certificate: &Path, key: &Path) -> Result<Pair, CertificateError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::Read { what, path, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(failed("certificate", certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(failed("key", key))?;
    Ok((chain, key))
}

fn make(address: IpAddr, ca_out: Option<&Path>) -> Result<Pair, CertificateError> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "stdcheck's registry, CA of one run");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let mut own = CertificateParams::new(names)?;
    own.distinguished_name.push(DnType::CommonName, "stdcheck's registry");
    own.use_authority_key_identifier_extension = true;
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let own = own.signed_by(&key, &ca)?;

    if let Some(path) = ca_out {
        std::fs::write(path, ca.pem())
            .map_err(|source| CertificateError::Write { path: path.to_owned(), source })?;
    }
    Ok((vec![own.der().clone(), ca.der().clone()], PrivateKeyDer::from(key)))
}
