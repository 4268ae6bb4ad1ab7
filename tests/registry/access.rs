//! Who is let in: the four forms of credentials that a runtime can be given.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use stdcheck::drive::registry::{Access, Registry, Tally};

use crate::{
    client::{Answer, ask, get, post},
    image, started,
};

const MANIFEST: &str = "/v2/locked/one/manifests/1";
const SCOPE: &str = "repository:locked/one:pull";

/// A registry with an image as `locked/one:1`.
fn locked(access: Access) -> Registry {
    let (registry, _) = started();
    registry.offer(&[("locked/one", "1")], &image("locked"), access, None);
    registry
}

fn password() -> Access {
    Access::Password { user: "name".into(), password: "pass:word".into() }
}

fn with(registry: &Registry, method: &str, path: &str, authorization: &str) -> Answer {
    ask(registry, method, path, &format!("Authorization: {authorization}\r\n"))
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

/// Asks for the manifest with the token in the answer.
fn opens(registry: &Registry, token: &Answer) -> bool {
    assert_eq!(token.status, 200);
    let json = token.json();
    assert_eq!(json["token"], json["access_token"]);
    let token = json["token"].as_str().expect("a token");
    with(registry, "GET", MANIFEST, &format!("Bearer {token}")).status == 200
}

#[test]
fn a_name_and_its_password() {
    let registry = locked(password());
    let refused = get(&registry, MANIFEST);
    assert_eq!((refused.status, refused.code().as_str()), (401, "UNAUTHORIZED"));
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"stdcheck\""));
    for wrong in [&basic("name:wrong"), &basic("other:pass:word"), "Basic ?", "Bearer name"] {
        assert_eq!(with(&registry, "GET", MANIFEST, wrong).status, 401, "{wrong}");
    }
    assert_eq!(with(&registry, "HEAD", MANIFEST, &basic("name:pass:word")).status, 200);
    assert_eq!(with(&registry, "GET", MANIFEST, &basic("name:pass:word")).status, 200);
    let expected =
        Tally { total: 7, manifests: 1, unauthorized: 5, authorized: 2, ..Tally::default() };
    assert_eq!(registry.tally("locked/one"), Some(expected));
}

#[test]
fn a_password_buys_a_token_in_both_ways() {
    let registry = locked(password());
    let path = format!("/token?service=stdcheck&scope={SCOPE}");
    assert!(opens(&registry, &with(&registry, "GET", &path, &basic("name:pass:word"))));
    let form = "grant_type=password&username=name&password=pass%3Aword&scope=repository%3Alocked%2Fone%3Apull";
    assert!(opens(&registry, &post(&registry, "/token", form)));

    assert_eq!(get(&registry, &path).status, 401);
    assert_eq!(with(&registry, "GET", &path, &basic("name:wrong")).status, 401);
    assert_eq!(post(&registry, "/token", &form.replace("word", "wrong")).status, 401);
    let tally = registry.tally("locked").expect("it is there");
    assert_eq!((tally.tokens, tally.unauthorized, tally.authorized), (2, 3, 2));
}

#[test]
fn an_identity_token_is_exchanged() {
    let registry = locked(Access::Identity("identity".into()));
    let refused = get(&registry, MANIFEST);
    let challenge =
        format!("Bearer realm=\"http://registry:1/token\",service=\"stdcheck\",scope=\"{SCOPE}\"");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(&*challenge)));
    let form = |token: &str| {
        format!(
            "grant_type=refresh_token&service=stdcheck&client_id=a&scope={SCOPE}&refresh_token={token}"
        )
    };
    assert!(opens(&registry, &post(&registry, "/token", &form("identity"))));
    assert_eq!(post(&registry, "/token", &form("wrong")).status, 401);
    // It is no bearer token, and not a password either.
    assert_eq!(with(&registry, "GET", MANIFEST, "Bearer identity").status, 401);
    assert_eq!(with(&registry, "GET", MANIFEST, &basic(":identity")).status, 401);
}

#[test]
fn a_registry_token_opens_by_itself() {
    let registry = locked(Access::Bearer("token".into()));
    assert_eq!(get(&registry, MANIFEST).status, 401);
    assert_eq!(with(&registry, "GET", MANIFEST, "Bearer wrong").status, 401);
    assert_eq!(with(&registry, "GET", MANIFEST, "Bearer token").status, 200);
    assert_eq!(get(&registry, &format!("/token?scope={SCOPE}")).status, 401);
}

#[test]
fn a_token_for_one_repository_does_not_open_another() {
    let registry = locked(password());
    let other = Access::Identity("identity".into());
    registry.offer(&[("locked/two", "1")], &image("two"), other, None);
    let path = "/token?scope=repository:locked/one:pull";
    let token = with(&registry, "GET", path, &basic("name:pass:word")).json();
    let bearer = format!("Bearer {}", token["token"].as_str().expect("a token"));
    assert_eq!(with(&registry, "GET", MANIFEST, &bearer).status, 200);
    assert_eq!(with(&registry, "GET", "/v2/locked/two/manifests/1", &bearer).status, 401);
    // Both at once need the credentials of both.
    let both = format!("{path}%20repository:locked/two:pull");
    assert_eq!(with(&registry, "GET", &both, &basic("name:pass:word")).status, 401);
}

#[test]
fn who_asks_first_for_a_challenge_gets_one_and_open_repositories_stay_open() {
    let registry = locked(password());
    let base = get(&registry, "/v2/");
    let challenge = "Bearer realm=\"http://registry:1/token\",service=\"stdcheck\"";
    assert_eq!((base.status, base.header("www-authenticate")), (401, Some(challenge)));
    assert_eq!(with(&registry, "GET", "/v2/", &basic("name:pass:word")).status, 200);
    let token = get(&registry, "/token?scope=repository:suite/one:pull");
    assert_eq!(token.status, 200);
    let bearer = format!("Bearer {}", token.json()["token"].as_str().expect("a token"));
    assert_eq!(with(&registry, "GET", "/v2/suite/one/manifests/1", &bearer).status, 200);
    assert_eq!(get(&registry, "/v2/suite/one/manifests/1").status, 200);
    assert_eq!(with(&registry, "GET", MANIFEST, &bearer).status, 401);
}

#[test]
fn the_token_endpoint_takes_get_and_post_and_short_forms() {
    let registry = locked(password());
    assert_eq!(ask(&registry, "DELETE", "/token", "").status, 405);
    assert_eq!(post(&registry, "/token", &"a".repeat(100_000)).status, 400);
}
