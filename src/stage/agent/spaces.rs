//! The network namespaces of a stage. A netlink socket stays in the namespace in which it was opened,
//! so each namespace is entered once and looked at often.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
};

use super::netlink::Netlink;

/// Where container namespaces stand.
pub const FOLDER: &str = "/run/netns";

/// A namespace, held open.
pub struct Space {
    /// The namespace itself.
    pub file: File,
    /// Links, addresses and routes.
    pub route: Netlink,
    /// Packet filter rules; none where the kernel has no such.
    pub filter: Option<Netlink>,
}

impl Space {
    /// The one that we are in.
    fn here() -> io::Result<Self> {
        Ok(Self {
            file: File::open("/proc/self/ns/net")?,
            route: Netlink::route()?,
            filter: Netlink::filter().ok(),
        })
    }
}

/// The host's namespace and those of containers.
pub struct Spaces {
    host: Space,
    containers: BTreeMap<String, Space>,
}

impl Spaces {
    /// Takes the namespace that we are in for the host's.
    pub fn new() -> io::Result<Self> {
        Ok(Self { host: Space::here()?, containers: BTreeMap::new() })
    }

    /// The namespace of that name, or the host's.
    pub fn get(&mut self, name: Option<&str>) -> Result<&mut Space, String> {
        match name {
            None => Ok(&mut self.host),
            Some(name) => self
                .containers
                .get_mut(name)
                .ok_or_else(|| format!("there is no network namespace {name} on the stage")),
        }
    }

    /// The names of all containers' namespaces.
    pub fn names(&self) -> Vec<String> {
        self.containers.keys().cloned().collect()
    }

    /// Makes a namespace.
    pub fn make(&mut self, name: &str) -> Result<(), String> {
        let path = path(name)?;
        if self.containers.contains_key(name) {
            return Err(format!("there is a network namespace {name} on the stage already"));
        }
        let told = |error: &dyn std::fmt::Display| {
            format!("cannot make the network namespace {name}: {error}")
        };
        fs::create_dir_all(FOLDER).map_err(|error| told(&error))?;
        File::create(&path).map_err(|error| told(&error))?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| told(&error))?;
        let made = Space::here().and_then(|space| {
            let own = Some(Path::new("/proc/self/ns/net"));
            mount(own, &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            Ok(space)
        });
        self.back();
        let space = made.map_err(|error| told(&error))?;
        self.containers.insert(name.to_owned(), space);
        Ok(())
    }

    /// Takes a namespace away; its file only if told so.
    pub fn remove(&mut self, name: &str, and_file: bool) -> Result<(), String> {
        let path = path(name)?;
        self.get(Some(name))?;
        self.containers.remove(name);
        // A plugin may have taken the mount or the file away itself.
        let _ = umount2(&path, MntFlags::MNT_DETACH);
        if and_file {
            let _ = fs::remove_file(&path);
        }
        Ok(())
    }

    /// Does something in a namespace.
    pub fn inside<T>(&mut self, name: Option<&str>, work: impl FnOnce() -> T) -> Result<T, String> {
        let space = self.get(name)?;
        setns(&space.file, CloneFlags::CLONE_NEWNET)
            .map_err(|error| format!("cannot enter the network namespace: {error}"))?;
        let done = work();
        self.back();
        Ok(done)
    }

    fn back(&self) {
        // Whatever came after would be done to the wrong namespace; then rather no stage at all.
        setns(&self.host.file, CloneFlags::CLONE_NEWNET).expect("the way back to the host is open");
    }
}

/// Where a namespace stands.
fn path(name: &str) -> Result<PathBuf, String> {
    match name {
        "" | "." | ".." => Err(format!("`{name}` is no name for a network namespace")),
        _ if name.contains(['/', '\0']) => {
            Err(format!("`{name}` is no name for a network namespace"))
        }
        _ => Ok(Path::new(FOLDER).join(name)),
    }
}
