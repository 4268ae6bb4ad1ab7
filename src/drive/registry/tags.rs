//! `/v2/NAME/tags/list`

use axum::response::Response;
use serde_json::json;

use super::document;
use super::store::Repository;

pub(super) fn answer(name: &str, repository: &Repository) -> Response {
    let tags: Vec<&str> = repository.tags().collect();
    document::answer(&json!({ "name": name, "tags": tags }))
}
