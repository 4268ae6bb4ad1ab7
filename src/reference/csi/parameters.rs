//! The parameters that this driver knows. What it does not know it refuses.

use std::collections::{BTreeMap, HashMap};

use super::{
    defect::Defect,
    driver::Driver,
    feature::Feature,
    field,
    refusal::{Answer, invalid, shown},
};

/// How good a volume is: `standard` or `fast`.
pub const CLASS: &str = "stdcheck.dev/class";
/// May be changed later; a positive number.
const MUTABLE: &[&str] = &["stdcheck.dev/iops", "stdcheck.dev/throughput"];

/// What a volume has if nothing was asked for.
pub fn defaults() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// Parameters of a new volume or snapshot.
pub fn fixed(
    driver: &Driver,
    values: &HashMap<String, String>,
) -> Answer<BTreeMap<String, String>> {
    let values = field::map(values, "parameters")?;
    if driver.has(Defect::ParametersUnchecked) {
        return Ok(values);
    }
    for (key, value) in &values {
        match (key.as_str(), value.as_str()) {
            (CLASS, "standard" | "fast") => {}
            (CLASS, _) => return Err(invalid(format!("{CLASS} is neither standard nor fast"))),
            _ => return Err(invalid(format!("the parameter {} is not known", shown(key)))),
        }
    }
    Ok(values)
}

/// Parameters that can be changed.
pub fn mutable(
    driver: &Driver,
    values: &HashMap<String, String>,
) -> Answer<BTreeMap<String, String>> {
    if !values.is_empty() && !driver.features.has(Feature::Modify) {
        return Err(invalid("mutable_parameters are not supported: MODIFY_VOLUME is off"));
    }
    let values = field::map(values, "mutable_parameters")?;
    if driver.has(Defect::MutableUnchecked) {
        return Ok(values);
    }
    for (key, value) in &values {
        valid_mutable(key, value)?;
    }
    Ok(values)
}

/// Refuses one that is not known or has no such value.
pub fn valid_mutable(key: &str, value: &str) -> Answer<()> {
    if !MUTABLE.contains(&key) {
        return Err(invalid(format!("the mutable parameter {} is not known", shown(key))));
    }
    match value.parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => Err(invalid(format!("{key} is not a positive number"))),
    }
}

/// What a volume's context tells: how good it is, which never changes.
pub fn context(parameters: &BTreeMap<String, String>) -> HashMap<String, String> {
    let class = parameters.get(CLASS).map_or("standard", String::as_str);
    HashMap::from([(CLASS.to_owned(), class.to_owned())])
}
