//! Who may call: secrets are compared, and never kept, logged or echoed.

use std::collections::HashMap;

use super::{
    defect::Defect,
    driver::Driver,
    refusal::{Answer, denied, invalid, unauthenticated},
};

/// Looks at the secrets of any call that has them.
pub fn check(driver: &Driver, secrets: &HashMap<String, String>) -> Answer<()> {
    if driver.has(Defect::SecretsLogged) && !secrets.is_empty() {
        driver.log(&format!("secrets: {secrets:?}"));
    }
    let told = |sentence: &str| {
        if driver.has(Defect::SecretsEchoed) {
            format!("{sentence}: {secrets:?}")
        } else {
            sentence.to_owned()
        }
    };
    let wanted = &driver.settings.secrets;
    for (key, value) in &driver.settings.denied {
        if secrets.get(key) == Some(value) {
            return Err(denied(told("the owner of these secrets may not do this")));
        }
    }
    for (key, value) in wanted {
        match secrets.get(key) {
            None => return Err(unauthenticated(told("a secret that is needed is missing"))),
            Some(given) if given != value => {
                return Err(unauthenticated(told("the secrets are not the right ones")));
            }
            Some(_) => {}
        }
    }
    let known = |key: &String| wanted.iter().any(|(wanted, _)| wanted == key);
    if driver.has(Defect::SecretsExtra) && !secrets.keys().all(known) {
        return Err(invalid("a secret is not known"));
    }
    Ok(())
}
