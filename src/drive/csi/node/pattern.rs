//! Bytes that tell where they belong: each depends on a seed and on its offset, so that bytes of
//! another volume or from another place are never taken for the right ones.

/// The pattern of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Pattern(u64);

impl Pattern {
    /// That of a text.
    pub fn of(seed: &str) -> Pattern {
        // FNV-1a: any two seeds of a run must differ, no more.
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Pattern(hash)
    }

    /// The bytes that stand from `offset` on.
    pub fn fill(self, offset: u64, bytes: &mut [u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let word = self.word(at / 8).to_le_bytes();
            let from = usize::try_from(at % 8).unwrap_or(0);
            let count = (8 - from).min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&word[from..from + count]);
            done += count;
        }
    }

    /// The same as a new vector.
    pub fn bytes(self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(offset, &mut bytes);
        bytes
    }

    /// splitmix64
    fn word(self, index: u64) -> u64 {
        let mut word =
            self.0.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_part_of_the_whole() {
        let pattern = Pattern::of("one");
        let whole = pattern.bytes(0, 4096);
        for (offset, length) in [(0, 1), (7, 2), (8, 8), (13, 1000), (4095, 1), (100, 0)] {
            assert_eq!(pattern.bytes(offset as u64, length), whole[offset..offset + length]);
        }
        assert_ne!(whole, Pattern::of("other").bytes(0, 4096));
        assert_ne!(whole[..8], whole[8..16]);
    }
}
