//! Lists in pages. A token tells the last entry before it, so that nothing is lost or told twice when
//! others come and go.

use super::{defect::Defect, driver::Driver, ids, refusal::Answer};

/// The entries that follow a token, and the token of what follows them. 0 is no limit.
pub fn page<T>(
    driver: &Driver,
    list: &str,
    mut entries: Vec<(String, T)>,
    most: usize,
    token: &str,
) -> Answer<(Vec<(String, T)>, String)> {
    entries.sort_by(|(one, _), (two, _)| one.cmp(two));
    if !token.is_empty() {
        let last = ids::after(list, token);
        driver.dies(Defect::TokenKills, last.is_err());
        match last {
            Ok(last) => {
                let seen = entries.iter().take_while(|(id, _)| *id <= last).count();
                let again = usize::from(driver.has(Defect::PageRepeats)).min(seen);
                entries.drain(..seen - again);
                if driver.has(Defect::PageSkips) && !entries.is_empty() {
                    entries.remove(0);
                }
            }
            Err(_) if driver.has(Defect::TokenRestarts) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    let most = if most > 0 && driver.has(Defect::PageLarge) { most + 1 } else { most };
    if most == 0 || entries.len() <= most {
        return Ok((entries, String::new()));
    }
    entries.truncate(most);
    let last = entries.last().map(|(id, _)| ids::token(list, id)).unwrap_or_default();
    let next = if driver.has(Defect::PageEnds) { String::new() } else { last };
    Ok((entries, next))
}
