//! CreateVolume.

use super::{shape, source};
use crate::{
    proto::csi::v1::{CreateVolumeRequest, CreateVolumeResponse, TopologyRequirement},
    reference::csi::{
        capability::{self, Capability},
        capacity,
        capacity::Range,
        defect::Defect,
        driver::Driver,
        field, ids, image, locks, parameters,
        refusal::{Answer, exhausted, exists},
        secret,
        state::{Source, State, Volume},
        topology,
    },
};
use std::collections::BTreeMap;

/// What was asked for, as far as it makes sense.
struct Wish {
    name: String,
    capabilities: Vec<Capability>,
    range: Option<Range>,
    parameters: BTreeMap<String, String>,
    mutable: BTreeMap<String, String>,
    source: Option<Source>,
    topology: Option<TopologyRequirement>,
}

impl Wish {
    fn read(driver: &Driver, asked: &CreateVolumeRequest) -> Answer<Self> {
        field::name(driver, &asked.name)?;
        let capabilities = capability::all(driver, &asked.volume_capabilities)?;
        let range = asked.capacity_range.map(|range| capacity::range(driver, range)).transpose()?;
        let parameters = parameters::fixed(driver, &asked.parameters)?;
        let mutable = parameters::mutable(driver, &asked.mutable_parameters)?;
        let source = source::read(driver, asked.volume_content_source.clone())?;
        let topology = asked.accessibility_requirements.clone();
        if let Some(requirement) = &topology {
            topology::check(driver, requirement)?;
        }
        Ok(Self {
            name: same_name(driver, &asked.name),
            capabilities,
            range,
            parameters,
            mutable,
            source,
            topology,
        })
    }
}

/// The name under which a volume is known: the name, but for defects.
fn same_name(driver: &Driver, name: &str) -> String {
    if driver.has(Defect::NamesFoldCase) {
        return name.to_lowercase();
    }
    if driver.has(Defect::NamesFoldSigns) {
        return name.replace(|sign: char| !sign.is_alphanumeric(), "-");
    }
    if driver.has(Defect::NamesTruncated) {
        return name.chars().take(64).collect();
    }
    name.to_owned()
}

/// Makes a volume, once for each name.
pub fn create(driver: &Driver, asked: CreateVolumeRequest) -> Answer<CreateVolumeResponse> {
    let wish = Wish::read(driver, &asked)?;
    secret::check(driver, &asked.secrets)?;
    let mut held: Vec<String> = wish.source.iter().map(source::lock).collect();
    if driver.has(Defect::CreateRaces) {
        let found = driver.store.read(|state| find(state, &wish.name))?;
        std::thread::sleep(std::time::Duration::from_millis(30));
        return driver.locks.hold(held, || made_or_found(driver, &asked, &wish, found));
    }
    held.push(locks::name("volume", &wish.name));
    driver.locks.hold(held, || {
        let found = driver.store.read(|state| find(state, &wish.name))?;
        made_or_found(driver, &asked, &wish, found)
    })
}

fn find(state: &State, name: &str) -> Option<(String, Volume)> {
    let mut volumes = state.volumes.iter();
    volumes.find(|(_, one)| one.name == name).map(|(id, one)| (id.clone(), one.clone()))
}

fn made_or_found(
    driver: &Driver,
    asked: &CreateVolumeRequest,
    wish: &Wish,
    found: Option<(String, Volume)>,
) -> Answer<CreateVolumeResponse> {
    let found = found.filter(|_| !driver.has(Defect::CreateTwice));
    let (id, volume) = match found {
        Some((id, volume)) => {
            if stuck(driver).contains(&wish.name) {
                return Err(exists("the volume of this name is not finished"));
            }
            compatible(driver, wish, &volume)?;
            (id, volume)
        }
        None => make(driver, wish)?,
    };
    let mut volume = shape::volume(driver, &id, &volume);
    volume.volume_context =
        shape::with_secrets(driver, Defect::ContextSecret, volume.volume_context, &asked.secrets);
    Ok(CreateVolumeResponse { volume: Some(volume) })
}

/// Refuses another volume than the one of this name.
fn compatible(driver: &Driver, wish: &Wish, volume: &Volume) -> Answer<()> {
    let refuse = |differs: bool, defect: Defect, what: &str| {
        if differs && !driver.has(defect) {
            Err(exists(format!("there is a volume of this name with another {what}")))
        } else {
            Ok(())
        }
    };
    let range = wish.range.unwrap_or(Range::ANY);
    refuse(!range.holds(volume.capacity), Defect::RetryCapacity, "capacity")?;
    let fits = wish.capabilities.iter().all(|one| capability::fits(volume, one));
    refuse(!fits, Defect::RetryCapabilities, "use")?;
    refuse(wish.parameters != volume.parameters, Defect::RetryParameters, "set of parameters")?;
    refuse(wish.source != volume.source, Defect::RetrySource, "source")?;
    let placed = wish.topology.as_ref().is_none_or(|one| topology::satisfied(&volume.zones, one));
    refuse(!placed, Defect::RetryTopology, "place")
}

fn make(driver: &Driver, wish: &Wish) -> Answer<(String, Volume)> {
    let content = match wish.source.clone() {
        Some(source) => source::find(driver, source)?,
        None => None,
    };
    let mut least = content.as_ref().map(|content| content.size);
    if let Some(content) = &content {
        source::compatible(content, &wish.capabilities)?;
    }
    if driver.has(Defect::RestoreShrinks) && wish.range.is_some()
        || driver.has(Defect::CloneOtherSize)
    {
        least = None;
    }
    let capacity = capacity::choose(driver, wish.range.unwrap_or(Range::ANY), least)?;
    let zones = topology::choose(driver, wish.topology.as_ref())?;
    let promised = driver.store.read(State::promised)?;
    if promised.saturating_add(capacity) > driver.settings.capacity {
        return Err(exhausted("there is not enough room for this volume"));
    }
    let id = new_id(driver)?;
    let volume = Volume {
        name: wish.name.clone(),
        capacity,
        capabilities: wish.capabilities.clone(),
        parameters: wish.parameters.clone(),
        mutable: wish.mutable.clone(),
        source: wish.source.clone(),
        zones,
        ..Volume::default()
    };
    let size = if driver.has(Defect::ImageSmall) { capacity / 2 } else { capacity };
    let filled = match &content {
        Some(content) => source::fill(driver, content, &id, size),
        None => image::create(&driver.store.volume_image(&id), size).map_err(Into::into),
    };
    let known = filled.and_then(|()| {
        driver.store.write(|state| {
            if !driver.has(Defect::CreateForgets) {
                state.volumes.insert(id.clone(), volume.clone());
            }
            Ok(())
        })
    });
    if let Err(refusal) = known {
        let _ = image::remove(&driver.store.volume_image(&id));
        return Err(refusal);
    }
    given_up(driver, &wish.name);
    Ok((id, volume))
}

fn stuck(driver: &Driver) -> std::sync::MutexGuard<'_, std::collections::BTreeSet<String>> {
    driver.stuck.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What defects do when the client has not waited for the volume. They are slow, so that it may.
fn given_up(driver: &Driver, name: &str) {
    if driver.has(Defect::CancelLeaves) || driver.has(Defect::DiesOfCancel) {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if driver.cancelled.swap(false, std::sync::atomic::Ordering::Relaxed) {
            stuck(driver).insert(name.to_owned());
        }
    }
}

fn new_id(driver: &Driver) -> Answer<String> {
    if driver.has(Defect::CreateSameId) {
        let ours = |id: &&String| id.starts_with("vol-");
        let last = driver.store.read(|state| state.volumes.keys().rfind(ours).cloned())?;
        if let Some(last) = last {
            return Ok(last);
        }
    }
    ids::fresh("vol")
}
