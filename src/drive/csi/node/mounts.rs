//! What `/proc/…/mountinfo` tells.

use std::path::{Component, Path, PathBuf};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's number of it, unique on the machine.
    pub id: u64,
    /// Where it stands.
    pub point: PathBuf,
    /// Its options and those of its file system.
    pub options: Vec<String>,
    /// `ext4`
    pub fs_type: String,
}

impl Mount {
    /// Whether nothing can be written through it.
    pub fn is_read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }
}

/// All mounts of a mountinfo file, in its order: of two at one place the later lies on top.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn line(text: &str) -> Option<Mount> {
    let (head, tail) = text.split_once(" - ")?;
    let mut head = head.split(' ');
    let id = head.next()?.parse().ok()?;
    let point = unescape(head.nth(3)?);
    let own = head.next()?;
    let mut tail = tail.split(' ');
    let fs_type = tail.next()?.to_owned();
    let of_fs = tail.nth(1).unwrap_or_default();
    let mut options: Vec<String> = Vec::new();
    for option in own.split(',').chain(of_fs.split(',')).filter(|option| !option.is_empty()) {
        if !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    Some(Mount { id, point: point.into(), options, fs_type })
}

/// White space and backslashes stand as three octal digits.
fn unescape(text: &str) -> String {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| {
            *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
        });
        match octal {
            Some(digits) => {
                let value =
                    digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes).to_string_lossy().into_owned()
}

/// The mount points at a path and below it.
pub fn below(mounts: &[Mount], path: &Path) -> Vec<String> {
    let mut points: Vec<String> = mounts
        .iter()
        .filter(|mount| mount.point.starts_with(path))
        .map(|mount| mount.point.display().to_string())
        .collect();
    points.sort();
    points
}

/// The mount that a resolved path stands on.
pub fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let mut best: Option<&Mount> = None;
    for mount in mounts.iter().filter(|mount| path.starts_with(&mount.point)) {
        let length = |mount: &Mount| mount.point.components().count();
        if best.is_none_or(|best| length(mount) >= length(best)) {
            best = Some(mount);
        }
    }
    best
}

/// A path split at the first folder that is ours by its name: the folder, and what is below it.
/// None where there is no such, or the path goes up anywhere.
pub fn ours(path: &Path, prefix: &str) -> Option<(PathBuf, PathBuf)> {
    if !path.is_absolute() {
        return None;
    }
    let mut folder = PathBuf::new();
    let mut below = PathBuf::new();
    let mut found = false;
    for component in path.components() {
        match component {
            Component::ParentDir | Component::Prefix(_) => return None,
            Component::CurDir => {}
            Component::RootDir => folder.push("/"),
            Component::Normal(name) if found => below.push(name),
            Component::Normal(name) => {
                folder.push(name);
                found = name.to_string_lossy().starts_with(prefix);
            }
        }
    }
    found.then_some((folder, below))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,errors=remount-ro
30 22 0:20 / /mnt/a\\040b rw,nosuid shared:1 master:2 - tmpfs tmpfs rw,size=4k
31 30 7:0 /x /mnt/a\\040b/c ro,nosuid - ext4 /dev/loop0 rw
";

    #[test]
    fn mounts_are_read_with_all_their_options() {
        let mounts = parse(TEXT);
        assert_eq!(mounts.len(), 3);
        assert_eq!(mounts[1].point, Path::new("/mnt/a b"));
        assert_eq!(mounts[1].options, ["rw", "nosuid", "size=4k"]);
        assert!(mounts[2].is_read_only() && !mounts[1].is_read_only());
        assert_eq!(below(&mounts, Path::new("/mnt")), ["/mnt/a b", "/mnt/a b/c"]);
        assert_eq!(below(&mounts, Path::new("/mn")), Vec::<String>::new());
        assert_eq!(holding(&mounts, Path::new("/mnt/a b/d")).unwrap().id, 30);
    }

    #[test]
    fn a_folder_of_ours_is_known_by_its_name() {
        let split = |path: &str| ours(Path::new(path), "stdcheck-");
        assert_eq!(split("/tmp/stdcheck-1/a/b"), Some(("/tmp/stdcheck-1".into(), "a/b".into())));
        assert_eq!(split("/tmp/stdcheck-1"), Some(("/tmp/stdcheck-1".into(), "".into())));
        for not in ["/tmp", "/", "tmp/stdcheck-1", "/tmp/stdcheck-1/../x", "/tmp/x-stdcheck-1", ""]
        {
            assert_eq!(split(not), None, "{not}");
        }
    }
}
