//! `/v2/NAME/manifests/REFERENCE`

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::refusal;
use super::store::{Missing, Store};

pub(super) fn answer(store: &Store, repository: &str, reference: &str) -> Response {
    match store.manifest(repository, reference) {
        Ok(manifest) => {
            let headers = [
                (CONTENT_TYPE.as_str(), manifest.media_type),
                ("docker-content-digest", manifest.digest.as_str()),
            ];
            (headers, manifest.bytes).into_response()
        }
        Err(Missing::Repository) => refusal::name_unknown(repository),
        Err(Missing::Content) => refusal::manifest_unknown(reference),
    }
}
