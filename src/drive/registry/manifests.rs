//! `/v2/NAME/manifests/REFERENCE`

use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::fault::{self, Harm};
use super::store::Repository;
use super::{body, refusal};

pub(super) fn answer(
    repository: &Repository,
    method: &Method,
    reference: &str,
    harm: Option<&Harm>,
) -> Response {
    let Some(manifest) = repository.manifest(reference) else {
        return refusal::manifest_unknown(reference);
    };
    if method == Method::GET {
        repository.terms.count(|tally| tally.manifests += 1);
    }
    let headers = [
        (CONTENT_TYPE.as_str(), manifest.media_type),
        ("docker-content-digest", manifest.digest.as_str()),
    ];
    let bytes = fault::content(manifest.bytes.clone(), harm);
    (headers, body::of(bytes, harm, &repository.terms, None)).into_response()
}
