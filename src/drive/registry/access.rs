//! Who may pull.
//!
//! A repository that wants credentials answers 401 with a challenge, as registries do. For a name and a password it is
//! a challenge for them; for tokens it names our own token endpoint. A token from there is good for each of them, because
//! some clients ask `/v2/` for the challenge, once for all repositories.

use std::fmt::Write;

use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::refusal;
use super::terms::Terms;

/// What the token endpoint calls itself in challenges.
const SERVICE: &str = "stdcheck";

/// Who may pull from a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    #[default]
    Anybody,
    /// Who has a name and its password.
    Password {
        /// The name.
        user: String,
        /// Its password.
        password: String,
    },
    /// Who has this token, which is to be exchanged at the token endpoint for one that opens the repository.
    Identity(String),
    /// Who has this token, which opens the repository by itself.
    Bearer(String),
}

/// What somebody brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    None,
    Password {
        user: String,
        password: String,
    },
    Bearer(String),
    /// Something that is no credentials of a kind that we know.
    Unknown,
}

impl Credentials {
    /// Those in the header of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::None };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' '))
        else {
            return Self::Unknown;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.trim().to_owned());
        }
        let text = STANDARD.decode(rest.trim()).ok().and_then(|text| String::from_utf8(text).ok());
        match text.as_deref().and_then(|text| text.split_once(':')) {
            Some((user, password)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::Password { user: user.to_owned(), password: password.to_owned() }
            }
            _ => Self::Unknown,
        }
    }
}

impl Access {
    /// Whether a name and a password are the right ones.
    pub fn takes_password(&self, name: &str, secret: &str) -> bool {
        matches!(self, Self::Password { user, password } if name == user && secret == password)
    }
}

impl Terms {
    /// Whether these credentials open the repositories.
    pub fn opens_to(&self, credentials: &Credentials) -> bool {
        match (&self.access, credentials) {
            (Access::Anybody, _) => true,
            (access, Credentials::Password { user, password }) => {
                access.takes_password(user, password)
            }
            (Access::Bearer(token), Credentials::Bearer(given)) if token == given => true,
            (_, Credentials::Bearer(given)) => self.issued(given),
            (_, Credentials::None | Credentials::Unknown) => false,
        }
    }
}

/// The answer to somebody who may not pull from this repository, or, without one, may not yet say which.
pub(super) fn challenge(
    access: &Access,
    repository: Option<&str>,
    scheme: &str,
    headers: &HeaderMap,
) -> Response {
    let mut challenge = match access {
        Access::Password { .. } => format!("Basic realm=\"{SERVICE}\""),
        _ => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            format!("Bearer realm=\"{scheme}://{host}/token\",service=\"{SERVICE}\"")
        }
    };
    if let (Some(repository), false) = (repository, matches!(access, Access::Password { .. })) {
        write!(challenge, ",scope=\"repository:{repository}:pull\"")
            .expect("text takes everything");
    }
    let mut response = refusal::unauthorized();
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Credentials {
        Credentials::of(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]))
    }

    #[test]
    fn credentials_are_read() {
        assert_eq!(Credentials::of(&HeaderMap::new()), Credentials::None);
        assert_eq!(of("Bearer abc"), Credentials::Bearer("abc".into()));
        // "name:pass:word"
        let password = Credentials::Password { user: "name".into(), password: "pass:word".into() };
        assert_eq!(of("basic bmFtZTpwYXNzOndvcmQ="), password);
        for value in ["Basic", "Basic !", "Basic bmFtZQ==", "Digest bmFtZTpwYXNz"] {
            assert_eq!(of(value), Credentials::Unknown, "{value}");
        }
    }
}
