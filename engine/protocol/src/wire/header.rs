//! The 14 bytes in front of every datagram (PROTOCOL.md#header).
//!
//! ```text
//! 0        4 5 6                14
//! | id u32 |c|f| sequence u64   |     little endian
//! ```

use super::{ConnectionId, Malformed};
use crate::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};

/// Bits of the flags byte. All others are reserved: a datagram that sets one is dropped (PROTOCOL.md#flags).
pub mod flags {
    /// The rest of the datagram is sealed.
    pub const ENCRYPTED: u8 = 0x01;
    /// Sealed with ChaCha20-Poly1305; without it, with AES-128-GCM.
    pub const CHACHA20_POLY1305: u8 = 0x02;
    /// Key phase: flips with every rekey.
    pub const REKEY: u8 = 0x04;
    /// From a gateway to a server: another datagram is inside. The only flag of such a datagram.
    pub const FORWARDED: u8 = 0x80;
}

/// The flags byte. The state of the connection determines which bits must be set.
pub type Flags = u8;

/// The header as a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The connection that the datagram belongs to.
    pub connection: ConnectionId,
    /// The most demanding channel inside; 0 (unreliable) in this version.
    pub channel: u8,
    /// See [`flags`].
    pub flags: Flags,
    /// Encrypted datagrams: the sequence, which is also part of the nonce. Unencrypted packets: the handshake tag.
    /// Forwarded datagrams: the name of the gateway's key.
    pub sequence: u64,
}

impl Header {
    /// Reads the header of a datagram.
    ///
    /// # Errors
    /// [`Malformed::TooShort`] under 14 bytes, [`Malformed::TooLong`] over 1472.
    #[inline]
    pub fn decode(datagram: &[u8]) -> Result<Header, Malformed> {
        if datagram.len() > DATAGRAM_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let Some(bytes) = datagram.first_chunk::<HEADER_BYTES>() else {
            return Err(Malformed::TooShort);
        };
        let [i0, i1, i2, i3, channel, flags, s0, s1, s2, s3, s4, s5, s6, s7] = *bytes;
        Ok(Header {
            connection: ConnectionId::from_bits(u32::from_le_bytes([i0, i1, i2, i3])),
            channel,
            flags,
            sequence: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        })
    }

    /// The header's bytes on the wire.
    #[inline]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        // Put together in registers: a CPU waits for bytes that it stored in pieces and loads as one.
        let front = u64::from(self.connection.bits()) | u64::from(self.channel) << 32 | u64::from(self.flags) << 40;
        let bits = u128::from(front) | u128::from(self.sequence) << 48;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, _, _] = bits.to_le_bytes();
        [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_document() {
        let header = Header {
            connection: ConnectionId::new(0x11, 0x22, 0x4433),
            channel: 0,
            flags: flags::ENCRYPTED | flags::CHACHA20_POLY1305,
            sequence: 0x0807_0605_0403_0201,
        };
        let bytes = [0x11, 0x22, 0x33, 0x44, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(header.encode(), bytes);
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert_eq!(Header::decode(&[0; 13]), Err(Malformed::TooShort));
        assert_eq!(Header::decode(&[]), Err(Malformed::TooShort));
        assert_eq!(Header::decode(&[0; 1473]), Err(Malformed::TooLong));
    }
}
