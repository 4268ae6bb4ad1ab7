//! How a volume is to be used.

use serde::{Deserialize, Serialize};

use super::{
    defect::Defect,
    driver::Driver,
    feature::Feature,
    refusal::{Answer, invalid},
    state::Volume,
};
use crate::proto::csi::v1::{
    VolumeCapability,
    volume_capability::{AccessType, access_mode::Mode},
};

/// The most that the flags of one mount may have, in bytes.
const FLAGS: usize = 4096;

/// A capability that this driver supports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// As a file system or as a device.
    pub access: Access,
    /// The number of the access mode.
    pub mode: i32,
}

/// What a volume looks like to whoever uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// A device.
    Block,
    /// A file system.
    Mount {
        /// ext2, ext3 or ext4; empty for ext4.
        fs_type: String,
        /// As for mount(8). Never logged.
        flags: Vec<String>,
        /// The group that owns the file system.
        group: Option<u32>,
    },
}

impl Access {
    /// A file system, with no wish about it.
    pub fn any_mount() -> Self {
        Self::Mount { fs_type: String::new(), flags: Vec::new(), group: None }
    }
}

impl Capability {
    /// Whether several nodes may use the volume at once.
    pub fn many_nodes(&self) -> bool {
        matches!(
            Mode::try_from(self.mode),
            Ok(Mode::MultiNodeReaderOnly
                | Mode::MultiNodeSingleWriter
                | Mode::MultiNodeMultiWriter)
        )
    }

    /// Whether one node may publish the volume at several paths.
    pub fn many_targets(&self) -> bool {
        self.many_nodes() || self.mode == Mode::SingleNodeMultiWriter as i32
    }

    /// Whether nobody writes.
    pub fn reads_only(&self) -> bool {
        matches!(
            Mode::try_from(self.mode),
            Ok(Mode::SingleNodeReaderOnly | Mode::MultiNodeReaderOnly)
        )
    }

    /// Whether it is a device.
    pub fn is_block(&self) -> bool {
        self.access == Access::Block
    }

    /// Whether the two are the same but for how the file system is mounted.
    pub fn like(&self, other: &Self) -> bool {
        self.mode == other.mode && self.is_block() == other.is_block()
    }

    /// The file system asked for, if one is.
    pub fn fs_type(&self) -> Option<&str> {
        match &self.access {
            Access::Mount { fs_type, .. } if !fs_type.is_empty() => Some(fs_type),
            _ => None,
        }
    }

    /// Whether a volume that can be used like this can be used like the other, too.
    fn covers(&self, other: &Self) -> bool {
        let same = match (self.fs_type(), other.fs_type()) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        self.like(other) && same
    }
}

/// Reads one of a request; what this driver does not support is refused, too.
pub fn one(driver: &Driver, asked: Option<&VolumeCapability>, field: &str) -> Answer<Capability> {
    driver.dies(Defect::DiesOfUnset, asked.is_none());
    let asked = asked.ok_or_else(|| invalid(format!("{field} is required")))?;
    well_formed(driver, asked)?;
    supported(driver, asked).map_err(invalid)
}

/// Reads all of a request.
pub fn all(driver: &Driver, asked: &[VolumeCapability]) -> Answer<Vec<Capability>> {
    if asked.is_empty() {
        return Err(invalid("volume_capabilities is required"));
    }
    let mut result = Vec::new();
    for (number, capability) in asked.iter().enumerate() {
        if number > 0 && driver.has(Defect::CapabilitiesFirst) {
            break;
        }
        result.push(one(driver, Some(capability), "volume_capabilities")?);
    }
    Ok(result)
}

/// Refuses a capability that lacks a part, or has one that nobody knows.
pub fn well_formed(driver: &Driver, asked: &VolumeCapability) -> Answer<()> {
    let mode = asked.access_mode.map_or(0, |mode| mode.mode);
    driver.dies(Defect::DiesOfEnum, Mode::try_from(mode).is_err());
    if asked.access_type.is_none() {
        return Err(invalid("a volume capability has neither block nor mount"));
    }
    match Mode::try_from(mode) {
        Ok(Mode::Unknown) => Err(invalid("a volume capability has no access mode")),
        Err(_) => Err(invalid(format!("the access mode {mode} is not known"))),
        Ok(_) => Ok(()),
    }
}

/// Reads a well-formed capability, or says why this driver cannot do that.
pub fn supported(driver: &Driver, asked: &VolumeCapability) -> Result<Capability, String> {
    let mode = asked.access_mode.map_or(0, |mode| mode.mode);
    let alpha = [Mode::SingleNodeSingleWriter as i32, Mode::SingleNodeMultiWriter as i32];
    if alpha.contains(&mode) && !driver.features.has(Feature::SingleNodeMultiWriter) {
        return Err("this access mode needs SINGLE_NODE_MULTI_WRITER, which is off".into());
    }
    let access = match &asked.access_type {
        Some(AccessType::Mount(mount)) if driver.features.has(Feature::Mount) => {
            if !["", "ext2", "ext3", "ext4"].contains(&mount.fs_type.as_str()) {
                return Err("fs_type is none of ext2, ext3 and ext4".into());
            }
            if mount.mount_flags.iter().map(String::len).sum::<usize>() > FLAGS {
                return Err(format!("mount_flags have more than {FLAGS} bytes"));
            }
            if mount.mount_flags.iter().any(|flag| flag.is_empty() || flag.contains('\0')) {
                return Err("a mount flag is empty or malformed".into());
            }
            if driver.has(Defect::FlagsLogged) && !mount.mount_flags.is_empty() {
                driver.log(&format!("mount flags: {:?}", mount.mount_flags));
            }
            Access::Mount {
                fs_type: mount.fs_type.clone(),
                flags: mount.mount_flags.clone(),
                group: group(driver, &mount.volume_mount_group)?,
            }
        }
        Some(AccessType::Block(_)) if driver.features.has(Feature::Block) => Access::Block,
        Some(AccessType::Mount(_)) => return Err("mount volumes are not supported".into()),
        _ => return Err("block volumes are not supported".into()),
    };
    Ok(Capability { access, mode })
}

fn group(driver: &Driver, asked: &str) -> Result<Option<u32>, String> {
    if asked.is_empty() {
        return Ok(None);
    }
    if !driver.features.has(Feature::MountGroup) {
        return Err("volume_mount_group is not supported: VOLUME_MOUNT_GROUP is off".into());
    }
    asked.parse().map(Some).map_err(|_| "volume_mount_group is not the number of a group".into())
}

/// Whether a volume can be used like this.
pub fn fits(volume: &Volume, capability: &Capability) -> bool {
    volume.capabilities.is_empty() || volume.capabilities.iter().any(|one| one.covers(capability))
}
