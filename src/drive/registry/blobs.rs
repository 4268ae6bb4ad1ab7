//! `/v2/NAME/blobs/DIGEST`, whole or in part: runtimes go on with a pull that was cut.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::range::{self, Range};
use super::refusal;
use super::store::{Missing, Store};

/// `range` is the value of the request's header of that name.
pub(super) fn answer(
    store: &Store,
    repository: &str,
    digest: &str,
    range: Option<&str>,
) -> Response {
    let blob = match store.blob(repository, digest) {
        Ok(blob) => blob,
        Err(Missing::Repository) => return refusal::name_unknown(repository),
        Err(Missing::Content) => return refusal::blob_unknown(digest),
    };
    let size = blob.bytes.len();
    let (status, content_range, body) = match range::parse(range, size) {
        Range::Whole => (StatusCode::OK, None, blob.bytes),
        Range::Part(part) => (
            StatusCode::PARTIAL_CONTENT,
            Some(format!("bytes {}-{}/{size}", part.start, part.end - 1)),
            blob.bytes.slice(part),
        ),
        Range::Outside => {
            let headers = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
    };
    let headers = [
        (CONTENT_TYPE.as_str(), "application/octet-stream"),
        (ACCEPT_RANGES.as_str(), "bytes"),
        ("docker-content-digest", blob.digest.as_str()),
    ];
    let mut response = (status, headers, Body::from(body)).into_response();
    if let Some(value) = content_range.and_then(|range| HeaderValue::try_from(range).ok()) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}
