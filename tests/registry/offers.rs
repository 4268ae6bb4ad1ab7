//! What is published at once, on the same terms, and what is counted of it.

use stdcheck::{
    drive::registry::{Access, BlobTally, Tally},
    image::{Image, ImageSpec},
};

use crate::{
    client::{ask, get},
    image, started,
};

#[test]
fn one_image_has_several_names_in_several_repositories() {
    let (registry, _) = started();
    let image = image("names");
    let names = [("p/one", "a"), ("p/one", "b"), ("p/two", "a")];
    registry.offer(&names, &image, Access::Anybody, None);
    for (repository, tag) in names {
        let answer = get(&registry, &format!("/v2/{repository}/manifests/{tag}"));
        assert_eq!(answer.body, image.manifest.bytes, "{repository}:{tag}");
        let blob = get(&registry, &format!("/v2/{repository}/blobs/{}", image.id()));
        assert_eq!(blob.body, image.config.bytes);
    }
    assert_eq!(get(&registry, "/v2/p/two/manifests/b").status, 404);
}

#[test]
fn what_is_withdrawn_is_gone_with_all_below_it() {
    let (registry, _) = started();
    let names = [("p", "a"), ("p/one", "a"), ("pp", "a")];
    registry.offer(&names, &image("withdrawn"), Access::Anybody, None);
    registry.withdraw("p");
    let found =
        names.map(|(name, tag)| get(&registry, &format!("/v2/{name}/manifests/{tag}")).status);
    assert_eq!(found, [404, 404, 200]);
}

#[test]
fn an_index_leads_to_every_platform_in_it() {
    let (registry, _) = started();
    let image = Image::build(&ImageSpec { index: true, ..ImageSpec::new("index") })
        .expect("the spec is right");
    registry.offer(&[("p", "1")], &image, Access::Anybody, None);
    let index = get(&registry, "/v2/p/manifests/1");
    assert_eq!(index.header("content-type"), Some("application/vnd.oci.image.index.v1+json"));
    let digest = index.header("docker-content-digest").expect("a digest").to_owned();
    assert_eq!(get(&registry, &format!("/v2/p/manifests/{digest}")).body, index.body);

    let index = index.json();
    let platforms = index["manifests"].as_array().expect("a list");
    assert_eq!(platforms.len(), 2);
    for platform in platforms {
        let digest = platform["digest"].as_str().expect("a digest");
        let manifest = get(&registry, &format!("/v2/p/manifests/{digest}")).json();
        let layers = manifest["layers"].as_array().expect("a list");
        for blob in layers.iter().chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().expect("a digest");
            let answer = get(&registry, &format!("/v2/p/blobs/{digest}"));
            assert_eq!(
                (answer.status, Some(answer.body.len() as u64)),
                (200, blob["size"].as_u64())
            );
        }
    }
}

#[test]
fn requests_are_counted_by_what_was_published_together() {
    let (registry, _) = started();
    let (image, other) = (image("counted"), image("other"));
    registry.offer(&[("p/one", "a"), ("p/two", "a")], &image, Access::Anybody, None);
    registry.offer(&[("pp", "a")], &other, Access::Anybody, None);
    let layer = &image.layers[1];
    get(&registry, "/v2/p/one/manifests/a");
    ask(&registry, "HEAD", "/v2/p/one/manifests/a", "");
    get(&registry, "/v2/p/one/manifests/none");
    get(&registry, &format!("/v2/p/one/blobs/{}", layer.digest));
    ask(&registry, "HEAD", &format!("/v2/p/two/blobs/{}", layer.digest), "");
    ask(&registry, "GET", &format!("/v2/p/two/blobs/{}", layer.digest), "Range: bytes=0-9\r\n");
    get(&registry, "/v2/pp/manifests/a");

    let blobs = vec![BlobTally {
        digest: layer.digest.clone(),
        gets: 2,
        bytes: layer.bytes.len() as u64 + 10,
    }];
    let expected = Tally { total: 6, manifests: 1, blobs, ..Tally::default() };
    // All repositories of a publication are counted together, whichever is asked for.
    for name in ["p", "p/one", "p/two"] {
        assert_eq!(registry.tally(name), Some(expected.clone()), "{name}");
    }
    assert_eq!(registry.tally("pp"), Some(Tally { total: 1, manifests: 1, ..Tally::default() }));
    assert_eq!(registry.tally("p/three"), None);
}
