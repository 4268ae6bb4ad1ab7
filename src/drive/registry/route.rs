//! From a request to the handler of what it asks for.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::access::{self, Access, Credentials};
use super::fault::{Harm, Part};
use super::store::Repository;
use super::{Shared, blobs, document, manifests, refusal, tags, token};

/// What a path stands for. Names of repositories have slashes of their own.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    /// Whether this is a registry at all.
    Base,
    In {
        repository: &'a str,
        what: What<'a>,
    },
}

/// What of a repository.
#[derive(Debug, PartialEq, Eq)]
enum What<'a> {
    /// By tag or digest.
    Manifest(&'a str),
    /// By digest.
    Blob(&'a str),
    Tags,
}

pub(super) async fn answer(shared: &Shared, request: Request<Body>) -> Response {
    let path = request.uri().path();
    if path == "/token" {
        return token::answer(shared, request).await;
    }
    let Some(route) = parse(path) else {
        return refusal::no_such_path(path);
    };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return refusal::read_only();
    }
    match route {
        Route::Base => base(shared, &request),
        Route::In { repository, what } => content(shared, &request, repository, &what),
    }
}

/// Some clients ask here, before anything else, whether credentials are wanted.
fn base(shared: &Shared, request: &Request<Body>) -> Response {
    let headers = request.headers();
    if shared.store.wants_credentials() && Credentials::of(headers) == Credentials::None {
        return access::challenge(&Access::Anybody, None, shared.scheme(), headers);
    }
    document::answer(&json!({}))
}

fn content(shared: &Shared, request: &Request<Body>, name: &str, what: &What<'_>) -> Response {
    let Some(repository) = shared.store.repository(name) else {
        return refusal::name_unknown(name);
    };
    let (terms, headers) = (&repository.terms, request.headers());
    let opens = terms.opens_to(&Credentials::of(headers));
    let response = if opens {
        give(&repository, request, name, what)
    } else {
        access::challenge(&terms.access, Some(name), shared.scheme(), headers)
    };
    terms.count(|tally| {
        tally.total += 1;
        tally.authorized += u64::from(opens && !terms.is_open());
        tally.unauthorized += u64::from(response.status() == StatusCode::UNAUTHORIZED);
    });
    response
}

/// To somebody who may have it.
fn give(repository: &Repository, request: &Request<Body>, name: &str, what: &What<'_>) -> Response {
    let method = request.method();
    let harm = |part| repository.terms.harm(part, method == Method::HEAD);
    match what {
        What::Tags => tags::answer(name, repository),
        What::Manifest(reference) => match harm(Part::Manifest) {
            Some(Harm::Status { status, retry_after }) => refusal::fault(status, retry_after),
            harm => manifests::answer(repository, method, reference, harm.as_ref()),
        },
        What::Blob(digest) => {
            let Some((part, blob)) = repository.blob(digest) else {
                return refusal::blob_unknown(digest);
            };
            match harm(*part) {
                Some(Harm::Status { status, retry_after }) => refusal::fault(status, retry_after),
                harm => blobs::answer(blob, repository, method, request.headers(), harm.as_ref()),
            }
        }
    }
}

fn parse(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix("/v2")?;
    if matches!(path, "" | "/") {
        return Some(Route::Base);
    }
    let path = path.strip_prefix('/')?;
    if let Some(repository) = path.strip_suffix("/tags/list") {
        return Some(Route::In { repository, what: What::Tags });
    }
    // From the right: `manifests` and `blobs` may be parts of a repository's name.
    let (front, last) = path.rsplit_once('/')?;
    let (repository, kind) = front.rsplit_once('/')?;
    let what = match kind {
        "manifests" => What::Manifest(last),
        "blobs" => What::Blob(last),
        _ => return None,
    };
    Some(Route::In { repository, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside<'a>(repository: &'a str, what: What<'a>) -> Option<Route<'a>> {
        Some(Route::In { repository, what })
    }

    #[test]
    fn paths_of_the_specification_are_understood() {
        assert_eq!(parse("/v2"), Some(Route::Base));
        assert_eq!(parse("/v2/"), Some(Route::Base));
        assert_eq!(parse("/v2/a/b/manifests/1"), inside("a/b", What::Manifest("1")));
        assert_eq!(parse("/v2/a/blobs/sha256:0"), inside("a", What::Blob("sha256:0")));
        assert_eq!(parse("/v2/a/b/tags/list"), inside("a/b", What::Tags));
    }

    #[test]
    fn a_repository_may_be_named_like_a_part_of_a_path() {
        let manifest = inside("blobs/manifests", What::Manifest("blobs"));
        assert_eq!(parse("/v2/blobs/manifests/manifests/blobs"), manifest);
    }

    #[test]
    fn other_paths_are_not() {
        for path in ["/", "/v1/", "/v2x", "/v2/a", "/v2/a/referrers/sha256:0", "/v2/manifests/1"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
