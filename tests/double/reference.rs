//! References to images: `host/repository:tag`, `host/repository@digest`.

use std::sync::LazyLock;

use regex::Regex;

/// The grammar of the distribution specification.
static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    let part = "[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*";
    let host = "(?:localhost|[A-Za-z0-9-]+(?:[.][A-Za-z0-9-]+)+|\\[[0-9a-f:]+\\])(?::[0-9]+)?";
    let tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    let grammar = format!(
        "^(?:(?<host>{host})/)?(?<repository>{part}(?:/{part})*)(?::(?<tag>{tag}))?\
         (?:@(?<digest>sha256:[0-9a-f]{{64}}))?$"
    );
    Regex::new(&grammar).expect("the grammar is right")
});

/// A reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// With its port; empty for a short name.
    pub host: String,
    /// With slashes.
    pub repository: String,
    /// What the host is asked for: the digest if there is one, else the tag.
    pub wanted: String,
    /// The name with its tag; none where it was referred to by digest.
    pub tagged: Option<String>,
}

impl Reference {
    /// None for what is no reference.
    pub fn parse(text: &str) -> Option<Reference> {
        let parts = GRAMMAR.captures(text)?;
        let part = |name: &str| parts.name(name).map(|part| part.as_str().to_owned());
        let (host, repository) = (part("host").unwrap_or_default(), part("repository")?);
        let tag = part("tag").unwrap_or_else(|| "latest".into());
        let digest = part("digest");
        let name = format!("{host}/{repository}").trim_start_matches('/').to_owned();
        Some(Reference {
            tagged: digest.is_none().then(|| format!("{name}:{tag}")),
            wanted: digest.unwrap_or(tag),
            host,
            repository,
        })
    }

    /// The name with a digest.
    pub fn digested(&self, digest: &str) -> String {
        format!("{}/{}@{digest}", self.host, self.repository).trim_start_matches('/').to_owned()
    }

    /// Whether a registry of this machine is meant, which speaks plain http.
    pub fn is_local(&self) -> bool {
        let host = self.host.as_str();
        let (name, _) = host.rsplit_once(':').unwrap_or((host, ""));
        name == "localhost" || name == "[::1]" || name.starts_with("127.")
    }
}
