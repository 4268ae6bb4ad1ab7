//! What the fields of any request have to look like.

use std::collections::{BTreeMap, HashMap};

use super::{
    defect::Defect,
    driver::Driver,
    refusal::{Answer, invalid},
};

/// The longest text that a request may hold, and the longest map.
const TEXT: usize = 128;
const MAP: usize = 4096;
/// The longest path that the kernel takes, without its end.
const PATH: usize = 4095;

/// Refuses a REQUIRED text that is not set.
pub fn required(value: &str, field: &str) -> Answer<()> {
    if value.is_empty() { Err(invalid(format!("{field} is required"))) } else { Ok(()) }
}

/// Refuses what cannot be the name of something new.
pub fn name(driver: &Driver, value: &str) -> Answer<()> {
    required(value, "name")?;
    driver.dies(Defect::DiesOfLongName, value.len() > TEXT);
    driver.dies(Defect::DiesOfUnicode, !value.is_ascii());
    let wrong = (driver.has(Defect::NamesShort) && value.len() > 63)
        || (driver.has(Defect::NamesAscii) && !value.is_ascii())
        || (driver.has(Defect::NamesPath) && (value.contains('/') || value.contains("..")));
    if wrong {
        return Err(invalid("this name is not supported"));
    }
    if value.len() > TEXT {
        return Err(invalid(format!("name has {} bytes, {TEXT} are allowed", value.len())));
    }
    match value.chars().find(|sign| banned(*sign)) {
        Some(sign) => {
            Err(invalid(format!("name holds U+{:04X}, which is not allowed", sign as u32)))
        }
        None => Ok(()),
    }
}

/// Control characters, but for tab, line feed and carriage return.
fn banned(sign: char) -> bool {
    sign.is_control() && !matches!(sign, '\t' | '\n' | '\r')
}

/// A REQUIRED path, without slashes at its end.
pub fn path(driver: &Driver, value: &str, field: &str) -> Answer<String> {
    required(value, field)?;
    let longest = if driver.has(Defect::PathsShort) {
        100
    } else if driver.has(Defect::PathsMiddling) {
        200
    } else {
        PATH
    };
    if value.len() > longest {
        return Err(invalid(format!("{field} has {} bytes, {longest} are allowed", value.len())));
    }
    if !value.starts_with('/') || value.contains('\0') {
        return Err(invalid(format!("{field} is not an absolute path")));
    }
    if value.split('/').any(|part| part == ".." || part == ".") {
        return Err(invalid(format!("{field} has a part that is . or ..")));
    }
    let trimmed = value.trim_end_matches('/');
    if trimmed.is_empty() {
        return Err(invalid(format!("{field} is the root folder")));
    }
    Ok(trimmed.to_owned())
}

/// A path that may be left out; it is looked at all the same.
pub fn optional_path(driver: &Driver, value: &str, field: &str) -> Answer<Option<String>> {
    if value.is_empty() { Ok(None) } else { path(driver, value, field).map(Some) }
}

/// A map of a request, in order.
pub fn map(values: &HashMap<String, String>, field: &str) -> Answer<BTreeMap<String, String>> {
    let size: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > MAP {
        return Err(invalid(format!("{field} has {size} bytes, {MAP} are allowed")));
    }
    Ok(values.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// What is asked of page sizes and the like.
pub fn not_negative(driver: &Driver, value: i32, field: &str) -> Answer<usize> {
    driver.dies(Defect::DiesOfNegative, value < 0);
    usize::try_from(value).map_err(|_| invalid(format!("{field} is negative")))
}
