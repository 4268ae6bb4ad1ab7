//! Images: any reference can be pulled, and no layer is ever fetched.

use stdcheck::proto::cri::v1::{
    Image as Listed, ImageFsInfoRequest, ImageFsInfoResponse, ImageSpec, ImageStatusRequest,
    ImageStatusResponse, ListImagesRequest, ListImagesResponse, PullImageRequest,
    PullImageResponse, RemoveImageRequest, RemoveImageResponse,
};
use tonic::Status;

use super::{
    node, registry,
    state::{Image, State, Store, image_id},
};

/// The image that an id or reference stands for.
pub fn find<'a>(state: &'a State, spec: Option<&ImageSpec>) -> Option<&'a Image> {
    let name = spec.map(|spec| spec.image.as_str()).filter(|name| !name.is_empty())?;
    state.images.iter().find(|image| image.id == name || image.tags.iter().any(|tag| tag == name))
}

/// Takes any reference for an image. From a registry on loopback the image's configuration is fetched.
pub async fn pull(store: &Store, request: PullImageRequest) -> Result<PullImageResponse, Status> {
    let reference = request.image.map(|spec| spec.image).unwrap_or_default();
    if reference.is_empty() {
        return Err(Status::invalid_argument("no image"));
    }
    let id = image_id(&reference);
    let config = match reference.starts_with("127.0.0.1:") {
        true => {
            registry::config(&reference).await.map_err(|why| Status::unknown(why.to_string()))?
        }
        false => registry::Config::default(),
    };
    store.change(|state| {
        if state.images.iter().all(|image| image.id != id) {
            state.images.push(Image {
                id: id.clone(),
                tags: vec![reference],
                entrypoint: config.entrypoint,
                cmd: config.cmd,
                stop_signal: config.stop_signal,
            });
        }
        Ok(PullImageResponse { image_ref: id })
    })
}

pub fn status(
    state: &mut State,
    request: ImageStatusRequest,
) -> Result<ImageStatusResponse, Status> {
    Ok(ImageStatusResponse {
        image: find(state, request.image.as_ref()).map(listed),
        info: node::info(request.verbose),
    })
}

pub fn remove(
    state: &mut State,
    request: RemoveImageRequest,
) -> Result<RemoveImageResponse, Status> {
    if let Some(id) = find(state, request.image.as_ref()).map(|image| image.id.clone()) {
        state.images.retain(|image| image.id != id);
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
    let repository = |tag: &String| {
        let (repository, _) = tag.rsplit_once(':').unwrap_or((tag, ""));
        format!("{repository}@{}", image.id)
    };
    Listed {
        id: image.id.clone(),
        repo_tags: image.tags.clone(),
        repo_digests: image.tags.iter().map(repository).collect(),
        size: 1_000_000,
        ..Listed::default()
    }
}

pub fn fs_info(_: &mut State, _: ImageFsInfoRequest) -> Result<ImageFsInfoResponse, Status> {
    Ok(ImageFsInfoResponse::default())
}
