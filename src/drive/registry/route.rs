//! From a request to the handler of what it asks for.

use axum::body::Body;
use axum::http::header::RANGE;
use axum::http::{Method, Request};
use axum::response::Response;
use serde_json::json;

use super::{Shared, blobs, document, manifests, refusal, tags};

/// What a path stands for. Names of repositories have slashes of their own.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    /// Whether this is a registry at all.
    Base,
    /// `reference` is a tag or a digest.
    Manifest {
        repository: &'a str,
        reference: &'a str,
    },
    Blob {
        repository: &'a str,
        digest: &'a str,
    },
    Tags {
        repository: &'a str,
    },
}

pub(super) fn answer(shared: &Shared, request: &Request<Body>) -> Response {
    let path = request.uri().path();
    let Some(route) = parse(path) else {
        return refusal::no_such_path(path);
    };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return refusal::read_only();
    }
    match route {
        Route::Base => document::answer(&json!({})),
        Route::Manifest { repository, reference } => {
            manifests::answer(&shared.store, repository, reference)
        }
        Route::Blob { repository, digest } => {
            let range = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
            blobs::answer(&shared.store, repository, digest, range)
        }
        Route::Tags { repository } => tags::answer(&shared.store, repository),
    }
}

fn parse(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix("/v2")?;
    if matches!(path, "" | "/") {
        return Some(Route::Base);
    }
    let path = path.strip_prefix('/')?;
    if let Some(repository) = path.strip_suffix("/tags/list") {
        return Some(Route::Tags { repository });
    }
    // From the right: `manifests` and `blobs` may be parts of a repository's name.
    let (front, last) = path.rsplit_once('/')?;
    let (repository, kind) = front.rsplit_once('/')?;
    match kind {
        "manifests" => Some(Route::Manifest { repository, reference: last }),
        "blobs" => Some(Route::Blob { repository, digest: last }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_specification_are_understood() {
        assert_eq!(parse("/v2"), Some(Route::Base));
        assert_eq!(parse("/v2/"), Some(Route::Base));
        let manifest = Route::Manifest { repository: "a/b", reference: "1" };
        assert_eq!(parse("/v2/a/b/manifests/1"), Some(manifest));
        let blob = Route::Blob { repository: "a", digest: "sha256:0" };
        assert_eq!(parse("/v2/a/blobs/sha256:0"), Some(blob));
        assert_eq!(parse("/v2/a/b/tags/list"), Some(Route::Tags { repository: "a/b" }));
    }

    #[test]
    fn a_repository_may_be_named_like_a_part_of_a_path() {
        let manifest = Route::Manifest { repository: "blobs/manifests", reference: "blobs" };
        assert_eq!(parse("/v2/blobs/manifests/manifests/blobs"), Some(manifest));
    }

    #[test]
    fn other_paths_are_not() {
        for path in ["/", "/v1/", "/v2x", "/v2/a", "/v2/a/referrers/sha256:0", "/v2/manifests/1"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
