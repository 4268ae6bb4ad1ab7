//! After a restart: what is still there is taken up again, what is not is forgotten.

use std::path::Path;

use super::{held_target, place};
use crate::reference::csi::{
    driver::Driver,
    ext,
    feature::Feature,
    locks,
    loopdev::Loop,
    mounts::{self, Options},
    refusal::Answer,
    state::{Published, Staged, Volume},
};

/// Looks at all that was staged or published on this node before.
pub fn recover(driver: &Driver) -> Answer<()> {
    if !driver.serves.contains(&Feature::Node) {
        return Ok(());
    }
    let used = |(id, volume): (&String, &Volume)| volume.on_node().then(|| id.clone());
    let ids: Vec<String> =
        driver.store.read(|state| state.volumes.iter().filter_map(used).collect())?;
    for id in ids {
        driver.locks.hold(vec![locks::volume(&id)], || one(driver, &id))?;
    }
    Ok(())
}

fn one(driver: &Driver, id: &str) -> Answer<()> {
    let volume = driver.volume(id)?;
    let staged = match &volume.staged {
        Some(staged) if place::is_staged(staged) => again(driver, id, &volume, staged)?,
        Some(staged) => {
            place::unstage(driver, id, staged)?;
            None
        }
        None => None,
    };
    let mut published = volume.published.clone();
    published.retain(|target, _| mounts::is_mounted(Path::new(target)));
    for (target, there) in &mut published {
        own_device(driver, id, target, there)?;
    }
    driver.change(id, |volume| {
        volume.staged = staged;
        volume.published = published;
    })
}

/// Holds the device of a block volume again. If its number was given away meanwhile, it gets another
/// one, and all places show that.
fn again(driver: &Driver, id: &str, volume: &Volume, staged: &Staged) -> Answer<Option<Staged>> {
    if !staged.capability.is_block() {
        ext::thaw(Path::new(&staged.path));
        return Ok(Some(staged.clone()));
    }
    let image = driver.store.volume_image(id);
    let number = staged.device.unwrap_or_default();
    if let Ok(device) = Loop::again(number, &image, staged.readonly) {
        driver.loops.keep(id, device);
        return Ok(Some(staged.clone()));
    }
    let device = Loop::attach(&image, staged.readonly)?;
    let shared = |(target, there): (&String, &Published)| {
        (there.device.is_none() && mounts::is_mounted(Path::new(target)))
            .then(|| Path::new(target).to_owned())
    };
    let mut places: Vec<_> = volume.published.iter().filter_map(shared).collect();
    places.push(place::staged_device(staged));
    for at in places {
        show(&device, &at)?;
    }
    let staged = Staged { device: Some(device.number), ..staged.clone() };
    driver.loops.keep(id, device);
    Ok(Some(staged))
}

fn own_device(driver: &Driver, id: &str, target: &str, there: &mut Published) -> Answer<()> {
    let Some(number) = there.device else { return Ok(()) };
    let image = driver.store.volume_image(id);
    let device = match Loop::again(number, &image, true) {
        Ok(device) => device,
        Err(_) => {
            let device = Loop::attach(&image, true)?;
            show(&device, Path::new(target))?;
            there.device = Some(device.number);
            device
        }
    };
    driver.loops.keep(&held_target(target), device);
    Ok(())
}

fn show(device: &Loop, at: &Path) -> Answer<()> {
    mounts::detach(at)?;
    Ok(mounts::bind(&device.path(), at, &Options::parse(&[]), false)?)
}
