//! Images: pulled from registries on loopback as they are served there; any other reference is
//! taken for an image that is there.

use std::collections::BTreeSet;

use stdcheck::proto::cri::v1::{
    FilesystemIdentifier, FilesystemUsage, Image as Listed, ImageFsInfoRequest,
    ImageFsInfoResponse, ImageSpec, ImageStatusRequest, ImageStatusResponse, Int64Value,
    ListImagesRequest, ListImagesResponse, PullImageRequest, PullImageResponse, RemoveImageRequest,
    RemoveImageResponse, UInt64Value,
};
use tonic::Status;

use super::{
    node, puller,
    reference::Reference,
    registry::Registry,
    state::{Image, State, Store, image_id, now},
};

/// Images of this repository are refused: nobody has signed them.
pub const UNSIGNED: &str = "registry.example/unsigned";

/// The image that an id or reference stands for.
pub fn find<'a>(state: &'a State, spec: Option<&ImageSpec>) -> Option<&'a Image> {
    let name = spec.map(|spec| spec.image.as_str()).filter(|name| !name.is_empty())?;
    let is = |known: &String| known == name;
    let found = |image: &&Image| {
        image.id == name || image.tags.iter().any(is) || image.digests.iter().any(is)
    };
    state.images.iter().find(found)
}

fn named(spec: Option<&ImageSpec>) -> Result<&ImageSpec, Status> {
    spec.filter(|spec| !spec.image.is_empty()).ok_or_else(|| Status::invalid_argument("no image"))
}

/// Pulls of one reference wait for each other, so that the later ones find the layers there.
pub async fn pull(store: &Store, request: PullImageRequest) -> Result<PullImageResponse, Status> {
    let spec = named(request.image.as_ref())?;
    let reference = Reference::parse(&spec.image)
        .ok_or_else(|| Status::invalid_argument(format!("{:?} is no reference", spec.image)))?;
    if !node::HANDLERS.contains(&spec.runtime_handler.as_str()) {
        return Err(Status::invalid_argument("no such runtime handler"));
    }
    if spec.image.starts_with(UNSIGNED) {
        return Err(Status::permission_denied("SignatureValidationFailed: it has no signature"));
    }
    let switched = |name: &str| store.state().switched(name);
    let turn = store.turn(&spec.image);
    let _turn = if switched("pulls-do-not-wait") { None } else { Some(turn.lock().await) };
    let mut image = if reference.is_local() {
        if switched("image-before-its-layers") {
            let (id, tags) = (image_id(&spec.image), vec![spec.image.clone()]);
            store.put(|state| state.images.push(Image { id, tags, size: 1, ..Image::default() }));
        }
        let careful = !switched("pulls-do-not-wait");
        let images = if careful { store.state().images } else { Vec::new() };
        let there: BTreeSet<String> = images.into_iter().flat_map(|image| image.layers).collect();
        let mut registry = Registry::new(&reference.host, request.auth.clone());
        let careless = switched("content-is-not-verified");
        let fetched = puller::fetch(&mut registry, &reference, &there, careless).await?;
        Image {
            id: fetched.id,
            digests: fetched.digests.iter().map(|digest| reference.digested(digest)).collect(),
            layers: fetched.layers,
            size: fetched.size,
            entrypoint: fetched.config.entrypoint,
            cmd: fetched.config.cmd,
            stop_signal: fetched.config.stop_signal,
            user: fetched.config.user,
            ..Image::default()
        }
    } else {
        let id = image_id(&spec.image);
        let digests = vec![reference.digested(&id)];
        Image { id, digests, size: 1_000_000, ..Image::default() }
    };
    if switched("image-ids-without-prefix") {
        image.id = image.id.trim_start_matches("sha256:").to_owned();
    }
    image.tags.extend(reference.tagged);
    image.annotations = spec.annotations.clone();
    store.change(|state| {
        let id = image.id.clone();
        match state.images.iter_mut().find(|known| known.id == id) {
            Some(known) => {
                add(&mut known.tags, image.tags);
                add(&mut known.digests, image.digests);
                known.annotations.extend(image.annotations);
            }
            None => state.images.push(image),
        }
        Ok(PullImageResponse { image_ref: id })
    })
}

/// Those that are not there yet.
fn add(names: &mut Vec<String>, more: Vec<String>) {
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

pub fn status(
    state: &mut State,
    request: ImageStatusRequest,
) -> Result<ImageStatusResponse, Status> {
    named(request.image.as_ref())?;
    let image = find(state, request.image.as_ref()).map(listed);
    let verbose = request.verbose && image.is_some();
    Ok(ImageStatusResponse { image, info: node::info(verbose) })
}

/// By whatever name: all of its names go with it, unless a defect is switched on.
pub fn remove(
    state: &mut State,
    request: RemoveImageRequest,
) -> Result<RemoveImageResponse, Status> {
    let name = named(request.image.as_ref())?.image.clone();
    state.follow(&name);
    let untags = state.switched("removal-takes-one-tag");
    if let Some(id) = find(state, request.image.as_ref()).map(|image| image.id.clone()) {
        for image in state.images.iter_mut().filter(|image| image.id == id && untags) {
            image.tags.retain(|tag| *tag != name);
        }
        let stays = |image: &Image| untags && id != name && !image.tags.is_empty();
        state.images.retain(|image| image.id != id || stays(image));
    }
    Ok(RemoveImageResponse::default())
}

pub fn list(state: &mut State, request: ListImagesRequest) -> Result<ListImagesResponse, Status> {
    let wanted =
        request.filter.and_then(|filter| filter.image).filter(|spec| !spec.image.is_empty());
    let images = match &wanted {
        Some(spec) => find(state, Some(spec)).into_iter().map(listed).collect(),
        None => state.images.iter().map(listed).collect(),
    };
    Ok(ListImagesResponse { images })
}

fn listed(image: &Image) -> Listed {
    let (user, _) = image.user.split_once(':').unwrap_or((&image.user, ""));
    let uid: Option<i64> = user.parse().ok();
    Listed {
        id: image.id.clone(),
        repo_tags: image.tags.clone(),
        repo_digests: image.digests.clone(),
        size: image.size,
        username: if uid.is_none() { user.to_owned() } else { String::new() },
        uid: uid.map(|value| Int64Value { value }),
        spec: Some(ImageSpec {
            image: image.id.clone(),
            annotations: image.annotations.clone(),
            ..ImageSpec::default()
        }),
        ..Listed::default()
    }
}

/// What the images would take if they were kept, on a file system that containers share.
pub fn fs_info(state: &mut State, _: ImageFsInfoRequest) -> Result<ImageFsInfoResponse, Status> {
    let count = |value: u64| Some(UInt64Value { value });
    let usage = FilesystemUsage {
        timestamp: now(),
        fs_id: Some(FilesystemIdentifier { mountpoint: "/".into() }),
        used_bytes: count(state.images.iter().map(|image| image.size).sum()),
        inodes_used: count(state.images.iter().map(|image| image.layers.len() as u64).sum()),
    };
    let [image_filesystems, container_filesystems] = [vec![usage.clone()], vec![usage]];
    Ok(ImageFsInfoResponse { image_filesystems, container_filesystems })
}
