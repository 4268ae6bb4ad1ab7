//! What a container sees of its settings: user, groups, mounts, user namespace, limits.

use stdcheck::proto::cri::v1::{
    ContainerConfig, ContainerUser, IdMapping, LinuxContainerResources,
    LinuxContainerSecurityContext, LinuxContainerUser, Mount, NamespaceMode,
    SupplementalGroupsPolicy, UserNamespace,
};

/// The user of the test image, and the group that its `/etc/group` adds this user to.
const IN_IMAGE: (i64, i64) = (1000, 2000);
/// Who owns what a user namespace does not map.
const NOBODY: u32 = 65534;

/// The security settings; those by default where there are none.
fn security(config: &ContainerConfig) -> LinuxContainerSecurityContext {
    config.linux.as_ref().and_then(|linux| linux.security_context.clone()).unwrap_or_default()
}

/// The ids of the first process, as its status tells them.
pub fn user(config: &ContainerConfig) -> ContainerUser {
    let security = security(config);
    let uid = security.run_as_user.as_ref().map_or(0, |user| user.value);
    let gid = security.run_as_group.as_ref().map_or(0, |group| group.value);
    let mut groups = security.supplemental_groups.clone();
    if security.supplemental_groups_policy() == SupplementalGroupsPolicy::Merge && uid == IN_IMAGE.0
    {
        groups.push(IN_IMAGE.1);
    }
    let linux = LinuxContainerUser { uid, gid, supplemental_groups: groups };
    ContainerUser { linux: Some(linux) }
}

/// Lines of `/proc/1/status`.
pub fn ids(config: &ContainerConfig) -> String {
    let user = user(config).linux.unwrap_or_default();
    let groups: Vec<String> = user.supplemental_groups.iter().map(i64::to_string).collect();
    let four = |id: i64| [id; 4].map(|id| id.to_string()).join("\t");
    format!("Uid:\t{}\nGid:\t{}\nGroups:\t{} \n", four(user.uid), four(user.gid), groups.join(" "))
}

/// Whether the root can be written to.
pub fn root_is_writable(config: &ContainerConfig) -> bool {
    !security(config).readonly_rootfs
}

fn user_namespace(config: &ContainerConfig) -> Option<UserNamespace> {
    let options = security(config).namespace_options?.userns_options?;
    (options.mode() == NamespaceMode::Pod).then_some(options)
}

/// `/proc/self/uid_map` and `gid_map`.
pub fn id_maps(config: &ContainerConfig) -> [String; 2] {
    let line = |inside, outside, length| format!("{inside:>10} {outside:>10} {length:>10}\n");
    let text = |maps: Vec<IdMapping>| {
        let lines = maps.iter().map(|map| line(map.container_id, map.host_id, map.length));
        lines.collect()
    };
    match user_namespace(config) {
        Some(own) => [text(own.uids), text(own.gids)],
        None => [line(0, 0, u32::MAX), line(0, 0, u32::MAX)],
    }
}

/// `/proc/self/mountinfo`.
pub fn mountinfo(config: &ContainerConfig) -> String {
    let root = Mount {
        container_path: "/".to_owned(),
        readonly: !root_is_writable(config),
        ..Mount::default()
    };
    std::iter::once(&root).chain(&config.mounts).map(lines).collect()
}

/// A mount, and one that lies below it where the node has one there.
fn lines(mount: &Mount) -> String {
    let mode = |readonly: bool| if readonly { "ro" } else { "rw" };
    let options: Vec<&str> = std::iter::once(mode(mount.readonly))
        .chain(mount.mount_options.iter().map(String::as_str))
        .collect();
    let line = |below: &str, options: &str| {
        format!(
            "31 30 8:1 {}{below} {}{below} {options} - ext4 /dev/vda rw\n",
            mount.host_path, mount.container_path
        )
    };
    let own = line("", &options.join(","));
    match mount.host_path.as_str() {
        "/dev" => own + &line("/pts", mode(mount.recursive_read_only)),
        _ => own,
    }
}

/// Who owns a mount that belongs to root on the node.
pub fn owner(config: &ContainerConfig, path: &str) -> Option<[u32; 2]> {
    let mount = config.mounts.iter().find(|mount| mount.container_path == path)?;
    let of_root = |maps: &[IdMapping]| match user_namespace(config) {
        Some(_) if maps.is_empty() => NOBODY,
        Some(_) => maps[0].container_id,
        None => 0,
    };
    Some([of_root(&mount.uid_mappings), of_root(&mount.gid_mappings)])
}

/// A file of the container's own cgroup.
pub fn limit(config: &ContainerConfig, path: &str) -> Option<String> {
    let resources: LinuxContainerResources = config.linux.clone()?.resources?;
    match path {
        "/sys/fs/cgroup/memory.max" => Some(format!("{}\n", resources.memory_limit_in_bytes)),
        "/sys/fs/cgroup/cpu.max" => {
            Some(format!("{} {}\n", resources.cpu_quota, resources.cpu_period))
        }
        _ => None,
    }
}
