//! ValidateVolumeCapabilities.

use crate::{
    proto::csi::v1::{
        ValidateVolumeCapabilitiesRequest, ValidateVolumeCapabilitiesResponse,
        validate_volume_capabilities_response::Confirmed,
    },
    reference::csi::{
        capability,
        defect::Defect,
        driver::Driver,
        field, node, parameters,
        refusal::{Answer, invalid},
        secret,
        state::Volume,
    },
};

/// Says whether a volume can be used like this.
pub fn validate(
    driver: &Driver,
    asked: ValidateVolumeCapabilitiesRequest,
) -> Answer<ValidateVolumeCapabilitiesResponse> {
    field::required(&asked.volume_id, "volume_id")?;
    if asked.volume_capabilities.is_empty() {
        return Err(invalid("volume_capabilities is required"));
    }
    for capability in &asked.volume_capabilities {
        capability::well_formed(driver, capability)?;
    }
    secret::check(driver, &asked.secrets)?;
    let volume = driver.volume(&asked.volume_id)?;
    if let Err(message) = confirm(driver, &volume, &asked)
        && !driver.has(Defect::ValidateAnything)
    {
        return Ok(ValidateVolumeCapabilitiesResponse { confirmed: None, message });
    }
    let mut volume_capabilities = asked.volume_capabilities;
    if driver.has(Defect::ValidateForgets) {
        volume_capabilities.truncate(1);
    }
    let confirmed = Confirmed {
        volume_context: asked.volume_context,
        volume_capabilities,
        parameters: asked.parameters,
        mutable_parameters: asked.mutable_parameters,
    };
    Ok(ValidateVolumeCapabilitiesResponse { confirmed: Some(confirmed), message: String::new() })
}

/// Why it cannot, if it cannot.
fn confirm(
    driver: &Driver,
    volume: &Volume,
    asked: &ValidateVolumeCapabilitiesRequest,
) -> Result<(), String> {
    for capability in &asked.volume_capabilities {
        let wanted = capability::supported(driver, capability)?;
        if !capability::fits(volume, &wanted) {
            return Err("the volume was not made to be used like this".into());
        }
    }
    if !driver.has(Defect::ValidateContext) {
        node::volume_context_of(driver, volume, &asked.volume_context).map_err(|it| it.message)?;
    }
    let fixed = parameters::fixed(driver, &asked.parameters).map_err(|it| it.message)?;
    if !fixed.is_empty() && fixed != volume.parameters {
        return Err("the volume was made with other parameters".into());
    }
    parameters::mutable(driver, &asked.mutable_parameters).map_err(|it| it.message)?;
    Ok(())
}
