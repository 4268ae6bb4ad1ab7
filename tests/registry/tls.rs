//! The registry over https.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use stdcheck::drive::registry::{
    Access, Certificate, CertificateError, Listen, Noticed, Registry, RegistryError,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Answer, exchange, request};
use crate::image;

fn start(certificate: Certificate) -> Result<Registry, RegistryError> {
    Registry::start(Listen { certificate: Some(certificate), ..Listen::default() })
}

/// One request to the registry as `name`, by a client that trusts this certificate.
fn ask(registry: &Registry, name: &str, trusted: &[u8], path: &str) -> std::io::Result<Answer> {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_slice(trusted).expect("a certificate");
    roots.add(trusted).expect("it can be trusted");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("they are safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("the config is right");
    let stream = TcpStream::connect(registry.address()).expect("the registry accepts");
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(request("GET", path, "").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(Answer::parse(&answer))
}

#[test]
fn its_own_certificate_is_for_its_names_and_its_ca_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.crt");
    let registry = start(Certificate::OwnMade { ca_out: Some(ca.clone()) }).expect("it starts");
    let image = image("tls");
    registry.publish("a", "1", &image);
    let trusted = std::fs::read(&ca).expect("it was written");
    for name in ["127.0.0.1", "localhost", "::1"] {
        let answer = ask(&registry, name, &trusted, "/v2/a/manifests/1").expect("it is trusted");
        assert_eq!((answer.status, answer.body), (200, image.manifest.bytes.to_vec()));
    }
    assert!(ask(&registry, "other.example", &trusted, "/v2/").is_err());
}

#[test]
fn a_given_certificate_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert"), folder.path().join("key"));
    let pair = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["registry.example".to_owned()]).expect("a name");
    let own = params.self_signed(&pair).expect("a certificate");
    std::fs::write(&certificate, own.pem()).expect("it is written");
    std::fs::write(&key, pair.serialize_pem()).expect("it is written");
    let registry = start(Certificate::Given { certificate, key }).expect("it starts");
    let answer = ask(&registry, "registry.example", own.pem().as_bytes(), "/v2/");
    assert_eq!(answer.expect("it is trusted").status, 200);
}

#[test]
fn challenges_name_https() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.crt");
    let registry = start(Certificate::OwnMade { ca_out: Some(ca.clone()) }).expect("it starts");
    registry.offer(&[("a", "1")], &image("tls"), Access::Identity("token".into()), None);
    let trusted = std::fs::read(&ca).expect("it was written");
    let answer = ask(&registry, "localhost", &trusted, "/v2/").expect("it is trusted");
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Bearer realm=\"https://registry:1/token\""), "{challenge}");
}

#[test]
fn who_distrusts_and_who_speaks_plain_http_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cas = ["one", "two"].map(|name| folder.path().join(name));
    let [one, _two] =
        cas.clone().map(|ca| start(Certificate::OwnMade { ca_out: Some(ca) }).expect("it starts"));
    let others = std::fs::read(&cas[1]).expect("it was written");
    assert!(ask(&one, "localhost", &others, "/v2/").is_err());
    exchange(one.address(), request("GET", "/v2/", "").as_bytes());
    // A client learns that it is refused before the registry knows that it has refused.
    let expected = Noticed { plain: 1, distrust: 1, tls: 0 };
    while one.noticed() != expected {
        std::thread::yield_now();
    }
    assert!(one.requests().is_empty());
}

#[test]
fn a_silent_client_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.crt");
    let registry = start(Certificate::OwnMade { ca_out: Some(ca.clone()) }).expect("it starts");
    let silent = TcpStream::connect(registry.address()).expect("the registry accepts");
    let trusted = std::fs::read(&ca).expect("it was written");
    let answer = ask(&registry, "localhost", &trusted, "/v2/").expect("it is trusted");
    assert_eq!(answer.status, 200);
    drop(registry);
    drop(silent);
}

#[test]
fn what_is_no_certificate_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let [good, key, empty] = ["good", "key", "empty"].map(|name| folder.path().join(name));
    let missing = folder.path().join("missing");
    let pair = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["a.example".to_owned()]).expect("a name");
    let own = params.self_signed(&pair).expect("a certificate");
    std::fs::write(&good, own.pem()).expect("it is written");
    std::fs::write(&key, KeyPair::generate().expect("a key").serialize_pem()).expect("written");
    std::fs::write(&empty, "").expect("it is written");
    let error = |certificate, key| match start(Certificate::Given { certificate, key }) {
        Err(RegistryError::Certificate(error)) => error,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it started"),
    };
    let told = error(missing.clone(), key.clone());
    assert!(matches!(&told, CertificateError::Read { what: "certificate", .. }), "{told}");
    assert!(matches!(error(empty, key.clone()), CertificateError::Empty(_)));
    let told = error(good.clone(), missing);
    assert!(matches!(&told, CertificateError::Read { what: "key", .. }), "{told}");
    // A key that belongs to another certificate.
    assert!(matches!(error(good, key), CertificateError::Unfit(_)));

    let nowhere = Certificate::OwnMade { ca_out: Some(folder.path().join("none/ca.crt")) };
    let error = start(nowhere).err().expect("there is no such folder").to_string();
    assert!(error.contains("none/ca.crt"), "{error}");
}
