//! Identifiers and tokens that nobody can guess or mistake.

use std::{fs::File, io::Read};

use super::refusal::{Answer, aborted};

/// A new identifier, of 128 random bits.
pub fn fresh(prefix: &str) -> Answer<String> {
    let mut random = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(format!("{prefix}-{}", hex(&random)))
}

/// The same for the same text, and hardly for another.
pub fn short(text: &str) -> String {
    format!("{:016x}", sum("", text))
}

/// What leads to the entries after this one in the list of this name.
pub fn token(list: &str, last: &str) -> String {
    format!("{:016x}{}", sum(list, last), hex(last.as_bytes()))
}

/// The last entry that a token tells of.
pub fn after(list: &str, token: &str) -> Answer<String> {
    let wrong = || aborted("starting_token does not lead anywhere in this list");
    let (check, last) = token.split_at_checked(16).ok_or_else(wrong)?;
    let last = unhex(last).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    if check == format!("{:016x}", sum(list, &last)) { Ok(last) } else { Err(wrong()) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// FNV-1a: keeps a token of one list from being one of another, and garbage from being one at all.
fn sum(list: &str, last: &str) -> u64 {
    let bytes = list.bytes().chain([0]).chain(last.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_in_its_own_list_only() {
        let made = token("volumes", "vol-1");
        assert_eq!(after("volumes", &made).as_deref(), Ok("vol-1"));
        for (list, token) in
            [("snapshots", made.as_str()), ("volumes", "0"), ("volumes", "ü"), ("volumes", "-5")]
        {
            assert!(after(list, token).is_err(), "{token}");
        }
    }
}
