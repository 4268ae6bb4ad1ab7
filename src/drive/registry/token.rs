//! `/token`: exchanges credentials for a token that opens repositories.
//!
//! GET with a name and a password in the header, or nobody's, is the older form; POST with a form (OAuth 2) the one
//! that takes identity tokens, and passwords too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;
use serde_json::json;

use super::access::{Access, Credentials};
use super::fault::{Harm, Part};
use super::terms::Terms;
use super::{Shared, body, document, fault, refusal};

/// Forms are short.
const LONGEST_FORM: usize = 64 << 10;
/// How long a token is good for, by our word; it is good for ever.
const SECONDS: u64 = 300;

pub(super) async fn answer(shared: &Shared, request: Request<Body>) -> Response {
    let (head, form) = request.into_parts();
    let form = match head.method {
        Method::GET | Method::HEAD => Bytes::from(head.uri.query().unwrap_or_default().to_owned()),
        Method::POST => match axum::body::to_bytes(form, LONGEST_FORM).await {
            Ok(form) => form,
            Err(_) => return refusal::bad_form(),
        },
        _ => return refusal::read_only(),
    };
    let fields: Vec<(String, String)> = form_urlencoded::parse(&form).into_owned().collect();
    let wanted = wanted(shared, &fields);
    let harm = wanted.iter().find_map(|terms| terms.harm(Part::Token, head.method == Method::HEAD));
    let response = match &harm {
        Some(Harm::Status { status, retry_after }) => refusal::fault(*status, *retry_after),
        _ => exchange(shared, &wanted, &fields, &head.method, &head.headers, harm.as_ref()),
    };
    for terms in wanted {
        terms.count(|tally| {
            tally.total += 1;
            tally.unauthorized += u64::from(response.status() == 401);
        });
    }
    response
}

/// The terms of the repositories that the request names in its scopes, each once.
fn wanted(shared: &Shared, fields: &[(String, String)]) -> Vec<Arc<Terms>> {
    let mut wanted: Vec<Arc<Terms>> = Vec::new();
    let scopes = fields.iter().filter(|(name, _)| name == "scope");
    for scope in scopes.flat_map(|(_, scopes)| scopes.split(' ')) {
        // repository:NAME:ACTIONS
        let name = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
        if let Some(repository) = name.and_then(|(name, _)| shared.store.repository(name))
            && !wanted.iter().any(|known| Arc::ptr_eq(known, &repository.terms))
        {
            wanted.push(repository.terms);
        }
    }
    wanted
}

fn exchange(
    shared: &Shared,
    wanted: &[Arc<Terms>],
    fields: &[(String, String)],
    method: &Method,
    headers: &HeaderMap,
    harm: Option<&Harm>,
) -> Response {
    let fields: BTreeMap<&str, &str> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let right = |access: &Access| match (access, method == Method::POST) {
        (Access::Anybody, _) => true,
        (Access::Identity(token), true) => {
            field("grant_type") == "refresh_token" && field("refresh_token") == token
        }
        (Access::Password { .. }, true) => {
            field("grant_type") == "password"
                && access.takes_password(field("username"), field("password"))
        }
        (Access::Password { .. }, false) => match Credentials::of(headers) {
            Credentials::Password { user, password } => access.takes_password(&user, &password),
            _ => false,
        },
        (Access::Identity(_), false) | (Access::Bearer(_), _) => false,
    };
    if !wanted.iter().all(|terms| right(&terms.access)) {
        return refusal::unauthorized();
    }
    let token = shared.tokens.next();
    for terms in wanted.iter().filter(|terms| !terms.is_open()) {
        terms.issue(token.clone());
    }
    let document = json!({ "token": token, "access_token": token, "expires_in": SECONDS });
    match wanted.first() {
        Some(terms) => {
            let bytes = fault::content(document.to_string().into(), harm);
            document::with(body::of(bytes, harm, terms, None))
        }
        None => document::answer(&document),
    }
}

/// Numbers tokens.
#[derive(Default)]
pub(super) struct Tokens(AtomicU64);

impl Tokens {
    /// One that was not there before.
    pub fn next(&self) -> String {
        format!("stdcheck-token-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}
