//! Putting messages together.

use nix::libc;

/// A message without its header: the fixed part of its kind, then attributes.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Only the fixed part.
    pub fn new(fixed: &[u8]) -> Self {
        Self(fixed.to_vec())
    }

    /// The fixed part of a link's message.
    pub fn of_link(index: u32, flags: u32, change: u32) -> Self {
        let mut fixed = [0; 16];
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
        fixed[12..].copy_from_slice(&change.to_ne_bytes());
        Self::new(&fixed)
    }

    /// Changes one byte of the fixed part.
    pub fn set_fixed(&mut self, place: usize, value: u8) {
        self.0[place] = value;
    }

    /// Adds an attribute.
    pub fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).expect("an attribute of ours is short");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a number.
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds text.
    pub fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// Adds attributes within an attribute.
    pub fn nest(self, kind: u16, inner: &Self) -> Self {
        self.bytes(kind | libc::NLA_F_NESTED as u16, &inner.0)
    }

    /// The whole.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{attributes, text, u32_of};
    use super::*;

    #[test]
    fn attributes_come_out_as_they_went_in() {
        let inner = Message::default().number(7, 9);
        let message = Message::default().text(1, "eth0").nest(2, &inner);
        let found: Vec<_> = attributes(message.as_bytes()).collect();
        assert_eq!(text(found[0].1), "eth0");
        assert_eq!(found[1].0, 2);
        assert_eq!(attributes(found[1].1).map(|(kind, v)| (kind, u32_of(v))).next(), Some((7, 9)));
    }

    #[test]
    fn a_short_attribute_ends_the_list() {
        assert_eq!(attributes(&[200, 0, 1, 0, 9]).count(), 0);
        assert_eq!(attributes(&[0; 3]).count(), 0);
    }
}
