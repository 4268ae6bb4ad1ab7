//! `/v2/NAME/tags/list`

use axum::response::Response;
use serde_json::json;

use super::document;
use super::refusal;
use super::store::Store;

pub(super) fn answer(store: &Store, repository: &str) -> Response {
    match store.tags(repository) {
        Ok(tags) => document::answer(&json!({ "name": repository, "tags": tags })),
        Err(_) => refusal::name_unknown(repository),
    }
}
