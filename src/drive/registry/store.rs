//! What the registry has, by repository: as in a real one, content of one is not in another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::fault::Part;
use super::terms::Terms;
use crate::image::{Blob, Image};

#[derive(Default)]
pub(super) struct Store(Mutex<BTreeMap<String, Repository>>);

/// A repository. Clones share the content.
#[derive(Clone, Default)]
pub(super) struct Repository {
    pub terms: Arc<Terms>,
    /// Tag → digest of what it names.
    tags: BTreeMap<String, String>,
    /// Manifests and indexes by digest.
    manifests: BTreeMap<String, Blob>,
    /// Configs and layers by digest.
    blobs: BTreeMap<String, (Part, Blob)>,
}

impl Store {
    /// Puts an image into a repository, on the terms that this has or, with `terms`, gets.
    pub fn publish(
        &self,
        repository: &str,
        tag: Option<&str>,
        image: &Image,
        terms: Option<&Arc<Terms>>,
    ) {
        let mut repositories = self.repositories();
        let repository = repositories.entry(repository.to_owned()).or_default();
        if let Some(terms) = terms {
            repository.terms = Arc::clone(terms);
        }
        repository.add(image);
        if let Some(index) = &image.index {
            repository.add(&index.foreign);
            repository.manifests.insert(index.document.digest.clone(), index.document.clone());
        }
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), image.top().digest.clone());
        }
    }

    /// Forgets a repository and all below it.
    pub fn withdraw(&self, name: &str) {
        let is_below =
            |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        self.repositories().retain(|other, _| other != name && !is_below(other));
    }

    pub fn repository(&self, name: &str) -> Option<Repository> {
        self.repositories().get(name).cloned()
    }

    /// Of this repository and of all below it, each once.
    pub fn terms_of(&self, name: &str) -> Vec<Arc<Terms>> {
        let mut found: Vec<Arc<Terms>> = Vec::new();
        for (other, repository) in self.repositories().iter() {
            let below = other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
            let known = found.iter().any(|terms| Arc::ptr_eq(terms, &repository.terms));
            if (other == name || below) && !known {
                found.push(Arc::clone(&repository.terms));
            }
        }
        found
    }

    /// Whether some repository is not for everybody.
    pub fn wants_credentials(&self) -> bool {
        self.repositories().values().any(|repository| !repository.terms.is_open())
    }

    fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.0.lock().expect("no holder panics")
    }
}

impl Repository {
    fn add(&mut self, image: &Image) {
        self.manifests.insert(image.manifest.digest.clone(), image.manifest.clone());
        let last = image.layers.last().map(|layer| &layer.digest);
        for blob in image.blobs() {
            let part = match &blob.digest {
                digest if *digest == image.config.digest => Part::Config,
                digest if Some(digest) == last => Part::Layer,
                _ => Part::OtherLayer,
            };
            self.blobs.insert(blob.digest.clone(), (part, blob.clone()));
        }
    }

    /// A manifest or an index by tag or digest.
    pub fn manifest(&self, reference: &str) -> Option<&Blob> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get(digest)
    }

    /// A blob, and what it is to its image.
    pub fn blob(&self, digest: &str) -> Option<&(Part, Blob)> {
        self.blobs.get(digest)
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }
}
