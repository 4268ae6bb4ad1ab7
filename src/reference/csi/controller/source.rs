//! What a new volume is filled with.

use std::fs;

use crate::{
    proto::csi::v1::{VolumeContentSource, volume_content_source::Type},
    reference::csi::{
        capability::Capability,
        cut::{self, Part},
        defect::Defect,
        driver::Driver,
        feature::Feature,
        field, image, locks,
        refusal::{Answer, invalid, not_found},
        state::{Source, Volume},
    },
};

/// Content that is there.
pub struct Content {
    /// Where it comes from.
    pub source: Source,
    /// How much it is.
    pub size: i64,
    /// What it can be used for; empty for anything.
    capabilities: Vec<Capability>,
    /// The source, if it is a volume.
    volume: Option<Volume>,
}

/// Reads the source of a request.
pub fn read(driver: &Driver, asked: Option<VolumeContentSource>) -> Answer<Option<Source>> {
    let Some(asked) = asked else { return Ok(None) };
    let features = &driver.features;
    match asked.r#type {
        None => Err(invalid("volume_content_source has neither snapshot nor volume")),
        Some(Type::Snapshot(snapshot)) => {
            field::required(&snapshot.snapshot_id, "volume_content_source.snapshot.snapshot_id")?;
            if !features.has(Feature::Snapshots) && !features.has(Feature::Group) {
                return Err(invalid("snapshots are not supported as a source"));
            }
            Ok(Some(Source::Snapshot(snapshot.snapshot_id)))
        }
        Some(Type::Volume(volume)) => {
            field::required(&volume.volume_id, "volume_content_source.volume.volume_id")?;
            if !features.has(Feature::Clone) {
                return Err(invalid("volumes are not supported as a source: CLONE_VOLUME is off"));
            }
            Ok(Some(Source::Volume(volume.volume_id)))
        }
    }
}

/// The lock of a source.
pub fn lock(source: &Source) -> String {
    match source {
        Source::Snapshot(id) => locks::snapshot(id),
        Source::Volume(id) => locks::volume(id),
    }
}

/// Looks for the content.
pub fn find(driver: &Driver, source: Source) -> Answer<Option<Content>> {
    let found = match &source {
        Source::Snapshot(id) => driver.snapshot(id).map(|found| Content {
            source: source.clone(),
            size: found.size,
            capabilities: found.capabilities,
            volume: None,
        }),
        Source::Volume(id) => driver.volume(id).map(|found| Content {
            source: source.clone(),
            size: found.capacity,
            capabilities: found.capabilities.clone(),
            volume: Some(found),
        }),
    };
    match found {
        Ok(content) => Ok(Some(content)),
        Err(_) if driver.has(Defect::SourceUnknown) => Ok(None),
        Err(refusal) => Err(not_found(format!("the source is not there: {}", refusal.message))),
    }
}

/// Refuses to show a file system as a device or the other way round.
pub fn compatible(content: &Content, wanted: &[Capability]) -> Answer<()> {
    let known = &content.capabilities;
    let possible = |one: &Capability| {
        known.is_empty() || known.iter().any(|known| known.is_block() == one.is_block())
    };
    if wanted.iter().all(possible) {
        Ok(())
    } else {
        Err(invalid("the source is a block volume and the new one is not, or the other way round"))
    }
}

/// Fills a new volume's image.
pub fn fill(driver: &Driver, content: &Content, id: &str, size: i64) -> Answer<()> {
    let to = driver.store.volume_image(id);
    let empty = match content.source {
        Source::Snapshot(_) => Defect::RestoreEmpty,
        Source::Volume(_) => Defect::CloneEmpty,
    };
    if driver.has(empty) {
        return Ok(image::create(&to, size)?);
    }
    match (&content.source, &content.volume) {
        (Source::Volume(source), Some(volume)) => {
            if driver.has(Defect::CloneShares) {
                let from = driver.store.volume_image(source);
                image::ensure(&from, volume.capacity)?;
                return Ok(fs::hard_link(from, to)?);
            }
            cut::together(driver, &[Part { id: source, volume, to, size }])
        }
        (Source::Snapshot(source) | Source::Volume(source), _) => {
            let mut from = driver.store.snapshot_image(source);
            if driver.has(Defect::RestoreLive) || driver.has(Defect::SnapshotLate) {
                let snapshot = driver.snapshot(source)?;
                if let Ok(volume) = driver.volume(&snapshot.source) {
                    let part = Part { id: &snapshot.source, volume: &volume, to, size };
                    return cut::together(driver, &[part]);
                }
            }
            if driver.has(Defect::RestoreShares) {
                return Ok(fs::hard_link(from, to)?);
            }
            if !from.exists() {
                from.clone_from(&driver.store.snapshot_image(source));
            }
            Ok(image::copy(&from, &to, size)?)
        }
    }
}
