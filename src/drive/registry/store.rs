//! What the registry has, by repository: as in a real one, content of one is not in another.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::image::{Blob, Image};

#[derive(Default)]
pub(super) struct Store(Mutex<BTreeMap<String, Repository>>);

#[derive(Default)]
struct Repository {
    /// Tag → digest of the manifest.
    tags: BTreeMap<String, String>,
    /// By digest.
    manifests: BTreeMap<String, Blob>,
    /// Configs and layers by digest.
    blobs: BTreeMap<String, Blob>,
}

/// Why something was not found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Repository,
    Content,
}

impl Store {
    pub fn publish(&self, repository: &str, tag: Option<&str>, image: &Image) {
        let mut repositories = self.0.lock().expect("no holder panics");
        let repository = repositories.entry(repository.to_owned()).or_default();
        let digest = &image.manifest.digest;
        repository.manifests.insert(digest.clone(), image.manifest.clone());
        for blob in image.blobs() {
            repository.blobs.insert(blob.digest.clone(), blob.clone());
        }
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest.clone());
        }
    }

    /// A manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Result<Blob, Missing> {
        self.find(repository, |repository| {
            let digest = repository.tags.get(reference).map_or(reference, String::as_str);
            repository.manifests.get(digest).cloned()
        })
    }

    pub fn blob(&self, repository: &str, digest: &str) -> Result<Blob, Missing> {
        self.find(repository, |repository| repository.blobs.get(digest).cloned())
    }

    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Missing> {
        self.find(repository, |repository| Some(repository.tags.keys().cloned().collect()))
    }

    fn find<T>(
        &self,
        repository: &str,
        look: impl FnOnce(&Repository) -> Option<T>,
    ) -> Result<T, Missing> {
        let repositories = self.0.lock().expect("no holder panics");
        let repository = repositories.get(repository).ok_or(Missing::Repository)?;
        look(repository).ok_or(Missing::Content)
    }
}
