//! The key that all nodes share.

use ring::hmac::{self, HMAC_SHA256};
use ringshard_operation::private_file;
use std::fmt;
use std::path::Path;

/// Bytes of a MAC: the first of HMAC-SHA-256.
pub const MAC_BYTES: usize = 16;

/// The key that all nodes of a fleet share. Its owner can send through the nodes, but can neither read nor change what clients
/// and hosts say to each other.
#[derive(Clone)]
pub struct RelayKey(hmac::Key);

impl fmt::Debug for RelayKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RelayKey(..)")
    }
}

impl RelayKey {
    /// The key with these bytes, which must come from a cryptographic generator.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        RelayKey(hmac::Key::new(HMAC_SHA256, &bytes))
    }

    /// Reads a file with 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn load(path: &Path) -> Result<Self, String> {
        private_file::read_key(path)?.map(RelayKey::from_bytes).ok_or_else(|| {
            format!(
                "{0} is no key of nodes, which is 64 hexadecimal digits: make one with \
                 `ringshard fleet keygen --out {0}`, and copy it to all nodes",
                path.display()
            )
        })
    }

    /// Appends the MAC of all of `bytes` from `start` on.
    pub(super) fn seal(&self, bytes: &mut Vec<u8>, start: usize) {
        let tag = hmac::sign(&self.0, &bytes[start..]);
        bytes.extend_from_slice(&tag.as_ref()[..MAC_BYTES]);
    }

    /// What stands before the MAC, if the MAC is right. Takes the same time wherever it is wrong.
    pub(super) fn open<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let tag = hmac::sign(&self.0, content);
        let differs = tag.as_ref().iter().zip(mac).fold(0, |differs, (one, other)| differs | (one ^ other));
        (differs == 0).then_some(content)
    }

    /// 32 bytes that nobody without the key can foresee.
    pub(super) fn draw(&self, label: &str, run: u64, number: u64) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label.as_bytes());
        context.update(&run.to_le_bytes());
        context.update(&number.to_le_bytes());
        *context.sign().as_ref().first_chunk().expect("a MAC has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_what_is_sealed_can_change() {
        let (key, other) = (RelayKey::from_bytes([1; 32]), RelayKey::from_bytes([2; 32]));
        let mut bytes = vec![9, 1, 2, 3];
        key.seal(&mut bytes, 1);
        let sealed = &bytes[1..];
        assert_eq!(key.open(sealed), Some(&[1, 2, 3][..]));
        assert_eq!(other.open(sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&changed), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(key.open(&sealed[..len]), None, "{len} bytes");
        }
    }
}
