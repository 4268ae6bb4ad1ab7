//! What a stage is asked and what it answers: JSON, each frame behind its length in four bytes, the
//! lowest first. Every question has one answer.

mod answer;
mod ask;
mod view;

use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use answer::{Answer, Changes, Connected, Executed, Measured, Pinged, Stated, Stopped};
pub use ask::{
    Ask, Connect, Daemon, Execution, FileOp, LinkOp, NewLink, Ping, Protocol, Setup, Since,
    Throughput,
};
pub use view::{Address, Class, Link, Neighbour, Qdisc, Route, Rule, View};

/// The largest frame that is believed: more is a broken stream.
const LARGEST: usize = 1 << 30;

/// Bytes that travel as base64.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The bytes as text, with a mark in place of what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{:?}", self.text())
    }
}

impl<T: AsRef<[u8]>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::Engine;
        to.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use base64::Engine;
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

/// The frame that carries `message`.
///
/// # Errors
/// If it cannot be told in JSON: a path that is not UTF-8.
pub fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = length(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// The length that the first four bytes of a frame announce.
///
/// # Errors
/// If no frame is that long.
pub fn announced(head: [u8; 4]) -> io::Result<usize> {
    let announced = u32::from_le_bytes(head) as usize;
    length(announced).map(|_| announced)
}

/// What a frame's content says.
///
/// # Errors
/// If it says something else.
pub fn content<T: DeserializeOwned>(content: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(content)?)
}

fn length(length: usize) -> io::Result<u32> {
    match u32::try_from(length) {
        Ok(fits) if length <= LARGEST => Ok(fits),
        _ => Err(io::Error::other(format!("a frame of {length} bytes is too long"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gives_back_what_it_carries() {
        let ask = Ask::Exec(vec![Execution {
            program: "/x".into(),
            stdin: Bytes::from([0, 255, 10]),
            ..Execution::default()
        }]);
        let frame = frame(&ask).unwrap();
        let (head, rest) = frame.split_first_chunk::<4>().unwrap();
        assert_eq!(announced(*head).unwrap(), rest.len());
        let Ask::Exec(back) = content(rest).unwrap() else { panic!("another question") };
        assert_eq!(back[0].stdin.0, [0, 255, 10]);
    }

    #[test]
    fn a_length_beyond_all_reason_is_refused() {
        assert!(announced([255; 4]).is_err());
    }
}
