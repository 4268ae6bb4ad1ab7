//! Kernel settings.

use std::{fs, path::PathBuf};

/// Reads a setting, after writing it if there is a value. In the namespace that we are in.
pub fn setting(name: &str, value: Option<&str>) -> Result<String, String> {
    let path = path(name);
    if let Some(value) = value {
        fs::write(&path, value)
            .map_err(|error| format!("cannot set {name} to {value}: {error}"))?;
    }
    let read = fs::read_to_string(&path);
    read.map(|text| text.trim_end().to_owned())
        .map_err(|error| format!("cannot read {name}: {error}"))
}

/// Names part by dots, and then a slash is a dot of a link's name; or by slashes, if that comes first.
fn path(name: &str) -> PathBuf {
    let by_slashes = name.find(['.', '/']).is_some_and(|place| name[place..].starts_with('/'));
    let swap = |letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let below = if by_slashes { name.to_owned() } else { name.chars().map(swap).collect() };
    let mut path = PathBuf::from("/proc/sys");
    path.extend(below.split('/').filter(|part| !matches!(*part, "" | "." | "..")));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_with_a_dot_in_its_name_is_found() {
        let dots = path("net.ipv4.conf.eth0/7.arp_filter");
        assert_eq!(dots, PathBuf::from("/proc/sys/net/ipv4/conf/eth0.7/arp_filter"));
        assert_eq!(path("net/ipv4/conf/eth0.7/arp_filter"), dots);
        assert_eq!(path("net/../../etc"), PathBuf::from("/proc/sys/net/etc"));
    }
}
