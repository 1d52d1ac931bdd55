//! Fragments of messages that do not fit one datagram (PROTOCOL.md#fragments).
//!
//! ```text
//! | channel u8 | fragment_id u16 | offset u16 | total_size u32 | bytes |
//! ```
//! `fragment_id` is the message's number on its channel. The top bit of `total_size` marks a compressed message.
//! Fragments begin at multiples of [`FRAGMENT_GRAIN_BYTES`]; all but the last end at one.

use super::{Channel, Malformed};
use crate::limits::{FRAGMENT_GRAIN_BYTES, MESSAGE_BYTES_MAX};

const COMPRESSED: u32 = 1 << 31;
const HEADER: usize = 9;

/// A piece of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment<'a> {
    /// The message's channel.
    pub channel: Channel,
    /// The message's number on its channel.
    pub number: u16,
    /// Where the piece begins, in bytes.
    pub offset: usize,
    /// Size of the whole message, 1 to [`MESSAGE_BYTES_MAX`].
    pub total: usize,
    /// Whether the whole message is compressed.
    pub compressed: bool,
    /// The piece.
    pub bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Bytes in front of the piece.
    pub const HEADER_BYTES: usize = HEADER;

    /// Reads the body of a Fragment frame.
    ///
    /// # Errors
    /// [`Malformed`] for an unknown channel, and for a piece that is empty, not aligned or outside the message.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let Some((head, bytes)) = body.split_first_chunk::<HEADER>() else {
            return Err(Malformed::TooShort);
        };
        let [channel, n0, n1, o0, o1, t0, t1, t2, t3] = *head;
        let size = u32::from_le_bytes([t0, t1, t2, t3]);
        let fragment = Fragment {
            channel: Channel::new(channel).ok_or(Malformed::UnknownValue)?,
            number: u16::from_le_bytes([n0, n1]),
            offset: u16::from_le_bytes([o0, o1]).into(),
            total: (size & !COMPRESSED) as usize,
            compressed: size & COMPRESSED != 0,
            bytes,
        };
        let end = fragment.offset + bytes.len();
        let aligned = fragment.offset.is_multiple_of(FRAGMENT_GRAIN_BYTES)
            && (end == fragment.total || end.is_multiple_of(FRAGMENT_GRAIN_BYTES));
        let sound = aligned && !bytes.is_empty() && end <= fragment.total && fragment.total <= MESSAGE_BYTES_MAX;
        if sound { Ok(fragment) } else { Err(Malformed::UnknownValue) }
    }

    pub(super) fn encode_header(&self) -> [u8; HEADER] {
        let end = self.offset + self.bytes.len();
        assert!(self.offset < end && end <= self.total, "a piece lies inside its message");
        assert!(self.offset.is_multiple_of(FRAGMENT_GRAIN_BYTES), "a piece begins at a grain");
        assert!(self.total <= MESSAGE_BYTES_MAX, "no message has {} bytes", self.total);
        let mut header = [0; HEADER];
        let size = self.total as u32 | if self.compressed { COMPRESSED } else { 0 };
        header[0] = self.channel.number();
        header[1..3].copy_from_slice(&self.number.to_le_bytes());
        header[3..5].copy_from_slice(&(self.offset as u16).to_le_bytes());
        header[5..9].copy_from_slice(&size.to_le_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(offset: u16, total: u32, bytes: usize) -> Vec<u8> {
        [&[1, 7, 0][..], &offset.to_le_bytes(), &total.to_le_bytes(), &vec![9; bytes]].concat()
    }

    #[test]
    fn the_layout_is_that_of_the_document() {
        let whole = body(256, 300 | COMPRESSED, 44);
        let fragment = Fragment::decode(&whole).unwrap();
        assert_eq!((fragment.number, fragment.offset, fragment.total, fragment.compressed), (7, 256, 300, true));
        assert_eq!(fragment.encode_header(), whole[..9]);
    }

    #[test]
    fn pieces_that_do_not_fit_the_whole_are_refused() {
        assert!(Fragment::decode(&body(0, 1000, 128)).is_ok());
        assert!(Fragment::decode(&body(65_408, 65_536, 128)).is_ok(), "the last grain of the largest message");
        assert!(Fragment::decode(&body(64, 1000, 64)).is_err(), "begins beside a grain");
        assert!(Fragment::decode(&body(0, 1000, 100)).is_err(), "ends beside a grain");
        assert!(Fragment::decode(&body(896, 1000, 128)).is_err(), "leaves the message");
        assert!(Fragment::decode(&body(0, 1000, 0)).is_err(), "empty");
        assert!(Fragment::decode(&body(0, 65_537, 128)).is_err(), "too large a message");
        assert!(Fragment::decode(&[16, 0, 0, 0, 0, 1, 0, 0, 0, 5]).is_err(), "no such channel");
    }
}
