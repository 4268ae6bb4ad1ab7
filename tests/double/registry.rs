//! A client of registries in plain http: one request at a time, with the credentials that a
//! challenge asks for.

use std::{collections::BTreeMap, io};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use stdcheck::proto::cri::v1::AuthConfig;
use tokio::net::TcpStream;
use tonic::Status;

/// The documents that we understand.
const DOCUMENTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.oci.image.manifest.v1+json, */*";

/// A registry and who we are to it.
pub struct Registry {
    host: String,
    auth: AuthConfig,
    /// The value of `Authorization` that the last challenge was answered with.
    permit: Option<String>,
}

impl Registry {
    /// Credentials that are for another server are not shown to this one.
    pub fn new(host: &str, auth: Option<AuthConfig>) -> Registry {
        let theirs = |auth: &AuthConfig| {
            let address = auth.server_address.as_str();
            let server = address.split_once("://").map_or(address, |(_, rest)| rest);
            server.is_empty() || server.split('/').next() == Some(host)
        };
        let auth = auth.filter(theirs).unwrap_or_default();
        Registry { host: host.to_owned(), auth, permit: None }
    }

    /// What is at a path of the registry: a manifest or a blob.
    pub async fn get(&mut self, path: &str) -> Result<Bytes, Status> {
        let first = self.ask(path).await?;
        let (status, body) = match first {
            (StatusCode::UNAUTHORIZED, headers, _) => {
                self.permit = self.answer_to(&headers).await?;
                let (status, _, body) = self.ask(path).await?;
                (status, body)
            }
            (status, _, body) => (status, body),
        };
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::NOT_FOUND => Err(Status::not_found(format!("{path}: not found"))),
            StatusCode::UNAUTHORIZED => {
                Err(Status::unauthenticated(format!("{path}: unauthorized")))
            }
            other if other.is_server_error() => {
                Err(Status::unavailable(format!("RegistryUnavailable: {path}: {other}")))
            }
            other => Err(Status::unknown(format!("{path}: {other}"))),
        }
    }

    async fn ask(&self, path: &str) -> Result<(StatusCode, HeaderMap, Bytes), Status> {
        let mut request = Request::get(path).header(HOST, &self.host).header(ACCEPT, DOCUMENTS);
        if let Some(permit) = &self.permit {
            request = request.header(AUTHORIZATION, permit);
        }
        let request = request.body(Full::default()).map_err(broken)?;
        send(&self.host, request).await
    }

    /// What a challenge is answered with, if we have anything.
    async fn answer_to(&self, headers: &HeaderMap) -> Result<Option<String>, Status> {
        let challenge = headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let (scheme, rest) = challenge.unwrap_or_default().split_once(' ').unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Ok(self.basic()),
            "bearer" if !self.auth.registry_token.is_empty() => {
                Ok(Some(format!("Bearer {}", self.auth.registry_token)))
            }
            "bearer" => self.token(&parameters(rest)).await.map(Some),
            _ => Ok(None),
        }
    }

    fn basic(&self) -> Option<String> {
        let AuthConfig { username, password, auth, .. } = &self.auth;
        if !username.is_empty() {
            let both = BASE64_STANDARD.encode(format!("{username}:{password}"));
            return Some(format!("Basic {both}"));
        }
        (!auth.is_empty()).then(|| format!("Basic {auth}"))
    }

    /// An access token of the registry's token server: for the identity token, or else for whoever
    /// we are.
    async fn token(&self, told: &BTreeMap<String, String>) -> Result<String, Status> {
        let part = |name: &str| told.get(name).map(String::as_str).unwrap_or_default();
        let uri: http::Uri = part("realm").parse().map_err(broken)?;
        let (host, path) = (uri.authority().map_or("", |authority| authority.as_str()), uri.path());
        let about = format!("service={}&scope={}", quoted(part("service")), quoted(part("scope")));
        let mut request = Request::builder().header(HOST, host);
        let request = if self.auth.identity_token.is_empty() {
            if let Some(basic) = self.basic() {
                request = request.header(AUTHORIZATION, basic);
            }
            request.uri(format!("{path}?{about}")).body(Full::default())
        } else {
            let token = quoted(&self.auth.identity_token);
            let form =
                format!("grant_type=refresh_token&client_id=double&refresh_token={token}&{about}");
            request
                .method(Method::POST)
                .uri(path)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::from(form))
        };
        let (status, _, body) = send(host, request.map_err(broken)?).await?;
        if status != StatusCode::OK {
            return Err(Status::unauthenticated(format!("no token: {status}")));
        }
        let answer: Value = serde_json::from_slice(&body).map_err(broken)?;
        let token = answer["access_token"].as_str().or(answer["token"].as_str());
        let token = token.ok_or_else(|| Status::unauthenticated("no token in the answer"))?;
        Ok(format!("Bearer {token}"))
    }
}

/// One request on a connection of its own.
async fn send(
    host: &str,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, HeaderMap, Bytes), Status> {
    let stream = TcpStream::connect(host).await.map_err(|error: io::Error| {
        Status::unavailable(format!("RegistryUnavailable: {host}: {error}"))
    })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with its only request.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(broken)?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(broken)?.to_bytes();
    Ok((parts.status, parts.headers, body))
}

/// The `name="value"` pairs of a challenge.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let pair = regex::Regex::new(r#"([a-z_]+)="([^"]*)""#).expect("a pattern");
    pair.captures_iter(text).map(|pair| (pair[1].to_owned(), pair[2].to_owned())).collect()
}

/// As it is written in a form or a query.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let write = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(write).collect()
}

fn broken(error: impl std::fmt::Display) -> Status {
    Status::unknown(error.to_string())
}
