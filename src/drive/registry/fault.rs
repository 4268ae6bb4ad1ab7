//! What goes wrong on purpose.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

/// A part of a pull that can be hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Any manifest or index.
    Manifest,
    /// The config.
    Config,
    /// The last layer: the others may be on the node already, or be fetched at the same time.
    Layer,
    /// A layer before it.
    OtherLayer,
    /// A token.
    Token,
}

/// How an answer is hurt. Numbers of bytes count from the beginning of the answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Another answer instead.
    Status {
        /// Its status.
        status: StatusCode,
        /// Its header of that name, in seconds.
        retry_after: Option<u64>,
    },
    /// The connection ends after so many bytes.
    Cut {
        /// How many; half of them if it is not said.
        after: Option<usize>,
    },
    /// Nothing more comes after so many bytes, until the fault is repaired.
    Stall {
        /// How many; half of them if it is not said.
        after: Option<usize>,
    },
    /// The body trickles.
    Slow {
        /// How long it takes as a whole.
        over: Duration,
    },
    /// Content that means the same and has the same size, and another digest: only who looks at the digest notices.
    Corrupt,
    /// Content that ends too early, in an answer that is whole.
    Short {
        /// How many bytes it has; half of them if it is not said.
        length: Option<usize>,
    },
}

/// A harm, and to what and how often it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is hurt.
    pub on: Part,
    /// How.
    pub harm: Harm,
    /// How many answers; all if it is not said.
    pub times: Option<u64>,
}

impl Fault {
    /// The harm for the answer to one more request.
    pub(super) fn strike(&mut self, part: Part, bodiless: bool) -> Option<Harm> {
        if part != self.on || (bodiless && !matches!(self.harm, Harm::Status { .. })) {
            return None;
        }
        if let Some(times) = &mut self.times {
            *times = times.checked_sub(1)?;
        }
        Some(self.harm.clone())
    }
}

/// Where a body of that size is hurt: before its end, so that it is hurt at all.
pub(super) fn place(wanted: Option<usize>, size: usize) -> usize {
    wanted.unwrap_or(size / 2).min(size.saturating_sub(1))
}

/// Content as it is sent: other or shorter, if that is the harm.
pub(super) fn content(bytes: Bytes, harm: Option<&Harm>) -> Bytes {
    match harm {
        Some(Harm::Corrupt) => corrupt(&bytes),
        Some(Harm::Short { length }) => bytes.slice(..place(*length, bytes.len())),
        _ => bytes,
    }
}

/// Content that differs in a way that does not matter: a document has its members in another order, an archive names
/// another operating system in the head of its compression.
fn corrupt(bytes: &Bytes) -> Bytes {
    /// Where gzip (RFC 1952) has the operating system that it ran on.
    const SYSTEM: usize = 9;
    if let Ok(Value::Object(members)) = serde_json::from_slice(bytes) {
        let members: Vec<String> = members
            .iter()
            .rev()
            .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
            .collect();
        return format!("{{{}}}", members.join(",")).into();
    }
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(SYSTEM) {
        *byte ^= 1;
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::image::{Image, ImageSpec};

    #[test]
    fn a_fault_strikes_its_part_and_so_often() {
        let mut fault = Fault { on: Part::Config, harm: Harm::Corrupt, times: Some(2) };
        assert_eq!(fault.strike(Part::Layer, false), None);
        assert_eq!(fault.strike(Part::Config, true), None);
        assert_eq!(fault.strike(Part::Config, false), Some(Harm::Corrupt));
        assert_eq!(fault.strike(Part::Config, false), Some(Harm::Corrupt));
        assert_eq!(fault.strike(Part::Config, false), None);
    }

    #[test]
    fn without_a_number_it_never_ends_and_a_status_needs_no_body() {
        let harm = Harm::Status { status: StatusCode::NOT_FOUND, retry_after: None };
        let mut fault = Fault { on: Part::Manifest, harm: harm.clone(), times: None };
        for _ in 0..9 {
            assert_eq!(fault.strike(Part::Manifest, true), Some(harm.clone()));
        }
    }

    #[test]
    fn what_is_corrupt_differs_only_in_its_digest() {
        let image = Image::build(&ImageSpec::new("corrupt")).expect("the spec is right");
        for document in [&image.manifest, &image.config] {
            let other = corrupt(&document.bytes);
            assert_ne!(other, document.bytes);
            assert_eq!(other.len(), document.bytes.len());
            let [one, two] = [&other, &document.bytes]
                .map(|bytes| serde_json::from_slice::<Value>(bytes).expect("it is JSON"));
            assert_eq!(one, two);
        }
        let layer = &image.layers[1].bytes;
        let other = corrupt(layer);
        assert_ne!(other, *layer);
        let [one, two] = [&other, layer].map(|bytes| {
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut tar).expect("it is gzip");
            tar
        });
        assert_eq!(one, two);
    }

    #[test]
    fn a_body_is_hurt_before_its_end() {
        assert_eq!((place(None, 10), place(Some(3), 10), place(Some(30), 10)), (5, 3, 9));
        assert_eq!(place(Some(3), 0), 0);
    }
}
