//! Messages of a soak: of mixed sizes, half of them compressible. Their bytes follow from their header.

use crate::random::{filler, hash};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

/// The header of each message, and the whole of the smallest one.
///
/// ```text
/// | intended send time u64 | number u32 | client u32 |
/// ```
pub const HEADER_BYTES: usize = 16;
/// The largest message: a little more than three datagrams.
pub const MESSAGE_BYTES_MAX: usize = 4_000;
/// Number of offsets at which bodies begin.
const PLACES: usize = 4_096;

/// The header of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageHeader {
    pub intended: Instant,
    pub number: u32,
    pub client: u32,
}

impl MessageHeader {
    /// Reads the header; None if the message is too short.
    pub fn read(message: &[u8]) -> Option<Self> {
        let header = message.first_chunk::<HEADER_BYTES>()?;
        let [.., a, b, c, d, e, f, g, h] = *header;
        Some(MessageHeader {
            intended: Instant::from_nanos(u64::from_le_bytes(*header.first_chunk()?)),
            number: u32::from_le_bytes([a, b, c, d]),
            client: u32::from_le_bytes([e, f, g, h]),
        })
    }
}

/// The bytes that all bodies are cut from.
pub struct MessageSource {
    random: Vec<u8>,
    repetitive: Vec<u8>,
}

impl MessageSource {
    pub fn new() -> Self {
        let bytes = PLACES + MESSAGE_BYTES_MAX;
        let mut repetitive = Vec::with_capacity(bytes + 64);
        for entity in 0.. {
            if repetitive.len() >= bytes {
                break;
            }
            let place = hash(entity) % 1_000;
            repetitive.extend(format!("{{\"entity\":{entity},\"place\":{place},\"state\":\"idle\"}},").bytes());
        }
        MessageSource { random: filler(0, bytes), repetitive }
    }

    /// Writes the message with this header: size and body follow from header and channel.
    pub fn write(&self, header: MessageHeader, channel: Channel, message: &mut Vec<u8>) {
        let random =
            hash(u64::from(header.client) << 40 | u64::from(channel.number()) << 32 | u64::from(header.number));
        let bytes = random as usize % (MESSAGE_BYTES_MAX - HEADER_BYTES + 1);
        let place = (random >> 20) as usize % PLACES;
        let source = if random >> 60 & 1 == 0 { &self.random } else { &self.repetitive };
        message.clear();
        message.extend(header.intended.as_nanos().to_le_bytes());
        message.extend(header.number.to_le_bytes());
        message.extend(header.client.to_le_bytes());
        message.extend(&source[place..place + bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_written_and_sizes_are_mixed() {
        let (messages, mut message) = (MessageSource::new(), Vec::new());
        let (mut least, mut most) = (usize::MAX, 0);
        for number in 0..10_000 {
            let header = MessageHeader { intended: Instant::from_nanos(7), number, client: 3 };
            messages.write(header, Channel::RELIABLE_ORDERED, &mut message);
            assert_eq!(MessageHeader::read(&message), Some(header));
            (least, most) = (least.min(message.len()), most.max(message.len()));
        }
        assert!((HEADER_BYTES..HEADER_BYTES + 10).contains(&least));
        assert!((MESSAGE_BYTES_MAX - 10..=MESSAGE_BYTES_MAX).contains(&most));
    }
}
