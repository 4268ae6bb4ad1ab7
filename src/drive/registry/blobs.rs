//! `/v2/NAME/blobs/DIGEST`, whole or in part: runtimes go on with a pull that was cut.

use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::body;
use super::fault::{self, Harm};
use super::range::{self, Range};
use super::store::Repository;
use crate::image::Blob;

pub(super) fn answer(
    blob: &Blob,
    repository: &Repository,
    method: &Method,
    headers: &HeaderMap,
    harm: Option<&Harm>,
) -> Response {
    let bytes = fault::content(blob.bytes.clone(), harm);
    let size = bytes.len();
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let (status, content_range, bytes) = match range::parse(range, size) {
        Range::Whole => (StatusCode::OK, None, bytes),
        Range::Part(part) => (
            StatusCode::PARTIAL_CONTENT,
            Some(format!("bytes {}-{}/{size}", part.start, part.end - 1)),
            bytes.slice(part),
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
    let sent = (method == Method::GET).then(|| repository.terms.count_blob(&blob.digest));
    let body = body::of(bytes, harm, &repository.terms, sent);
    let mut response = (status, headers, body).into_response();
    if let Some(value) = content_range.and_then(|range| HeaderValue::try_from(range).ok()) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}
