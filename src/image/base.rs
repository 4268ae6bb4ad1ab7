//! The layer that all images share: the guest, its users and the usual folders.

use std::sync::OnceLock;

use super::GUEST;
use super::layer::{Entry, Layer};

/// Users beside root: `stdcheck` has a group of its own and two more by /etc/group, `other` has nothing.
const PASSWD: &str = "\
root:x:0:0:root:/root:/guest
stdcheck:x:1000:1000:stdcheck:/home/stdcheck:/guest
other:x:1001:1001:other:/:/guest
";

const GROUP: &str = "\
root:x:0:
stdcheck:x:1000:
other:x:1001:
stdcheck-a:x:2000:stdcheck
stdcheck-b:x:2001:stdcheck
";

/// The folders that are there, and their permissions.
pub(super) const FOLDERS: [(&str, u32); 10] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("home/stdcheck", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var", 0o755),
];

/// The shared layer, packed once per process.
pub(super) fn layer() -> Layer {
    static LAYER: OnceLock<Layer> = OnceLock::new();
    LAYER.get_or_init(pack).clone()
}

fn pack() -> Layer {
    let folders = FOLDERS.iter().map(|(path, mode)| Entry {
        owner: if *path == "home/stdcheck" { 1000 } else { 0 },
        ..Entry::folder(path, *mode)
    });
    let files = [
        Entry::file("etc/group", 0o644, GROUP.as_bytes()),
        Entry::file("etc/passwd", 0o644, PASSWD.as_bytes()),
        Entry::file("guest", 0o755, GUEST),
    ];
    let entries: Vec<Entry<'_>> = folders.chain(files).collect();
    Layer::pack(&entries)
}
