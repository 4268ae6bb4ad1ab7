//! Answers that are JSON documents.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub(super) fn answer(document: &Value) -> Response {
    with(Body::from(document.to_string()))
}

/// An answer whose document is in `body`.
pub(super) fn with(body: Body) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
