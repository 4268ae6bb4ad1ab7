//! Answers that are errors, in the form of the distribution specification.

use axum::http::StatusCode;
use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::document;

/// The repository has no such manifest.
pub(super) fn manifest_unknown(reference: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", &format!("there is no manifest {reference}"))
}

/// The repository has no such blob.
pub(super) fn blob_unknown(digest: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", &format!("there is no blob {digest}"))
}

/// Nothing was published under that name.
pub(super) fn name_unknown(repository: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", &format!("there is no repository {repository}"))
}

/// The path is none of those that a pull needs.
pub(super) fn no_such_path(path: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, "UNSUPPORTED", &format!("there is nothing at {path}"))
}

/// Nobody, or somebody with wrong credentials.
pub(super) fn unauthorized() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "this needs other credentials")
}

/// A form that is too long, or did not come.
pub(super) fn bad_form() -> Response {
    refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", "the form could not be read")
}

/// What a check wants to go wrong.
pub(super) fn fault(status: StatusCode, retry_after: Option<u64>) -> Response {
    let code = match status {
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "DENIED",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    };
    let mut response = refuse(status, code, "a check of stdcheck wants this to go wrong");
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Something other than GET or HEAD.
pub(super) fn read_only() -> Response {
    let refused =
        refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only");
    ([(ALLOW, "GET, HEAD")], refused).into_response()
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    (status, document::answer(&body)).into_response()
}
