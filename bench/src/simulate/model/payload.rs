//! Payloads. Each message says which one it is, and its bytes follow from that, so a check needs no copy of what was
//! sent.

use crate::random::{Random, mix};
use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::wire::Channel;
use std::sync::OnceLock;

/// Number and mark at the front of a message. Shorter messages have neither.
pub const LABEL_BYTES: usize = 8;

/// The messages of one channel of one session in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Stream(u64);

impl Stream {
    pub fn new(session: u64, to_server: bool, channel: Channel) -> Self {
        Stream(mix(session ^ mix(u64::from(channel.number()) * 2 + u64::from(to_server) + 1)))
    }

    /// Writes message `index` with `len` bytes.
    pub fn write(self, index: u32, len: usize, message: &mut Vec<u8>) {
        message.clear();
        if len < LABEL_BYTES {
            message.extend_from_slice(&self.short(len)[..len]);
            return;
        }
        let mark = self.mark(index, len);
        message.extend_from_slice(&index.to_le_bytes());
        message.extend_from_slice(&mark.to_le_bytes());
        message.extend_from_slice(filler(mark, len - LABEL_BYTES));
    }

    /// The number of a message with a label, if all of its bytes are as written.
    pub fn index_of(self, message: &[u8]) -> Option<u32> {
        let (index, rest) = message.split_first_chunk::<4>()?;
        let (mark, rest) = rest.split_first_chunk::<4>()?;
        let (index, mark) = (u32::from_le_bytes(*index), u32::from_le_bytes(*mark));
        (mark == self.mark(index, message.len()) && rest == filler(mark, rest.len())).then_some(index)
    }

    /// Whether a message without a label is as written.
    pub fn is_short(self, message: &[u8]) -> bool {
        message.len() < LABEL_BYTES && *message == self.short(message.len())[..message.len()]
    }

    fn short(self, len: usize) -> [u8; 8] {
        mix(self.0 ^ len as u64).to_le_bytes()
    }

    fn mark(self, index: u32, len: usize) -> u32 {
        mix(self.0 ^ (u64::from(index) << 20) ^ len as u64) as u32
    }
}

/// Size of the tables that fillers are cut from.
const TABLE_BYTES: usize = 2 * MESSAGE_BYTES_MAX;

/// Bytes that follow from `mark`. Every other message is compressible.
fn filler(mark: u32, len: usize) -> &'static [u8] {
    static TABLES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let [noise, text] = TABLES.get_or_init(|| [noise(), text()]);
    let table = if mark & 1 == 0 { noise } else { text };
    assert!(table.len() == TABLE_BYTES && len <= MESSAGE_BYTES_MAX, "a table holds the filler of every message");
    &table[(mark >> 1) as usize % (TABLE_BYTES - MESSAGE_BYTES_MAX)..][..len]
}

fn noise() -> Vec<u8> {
    let mut random = Random::new(1);
    (0..TABLE_BYTES / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

fn text() -> Vec<u8> {
    let words = ["entity ", "position ", "0000 ", "velocity ", "tick ", "1024 ", "shard ", "player "];
    let mut random = Random::new(2);
    let mut text = Vec::with_capacity(TABLE_BYTES + 16);
    while text.len() < TABLE_BYTES {
        text.extend_from_slice(random.pick(&words).as_bytes());
    }
    text.truncate(TABLE_BYTES);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_recognised_and_no_other_is_mistaken_for_it() {
        let stream = Stream::new(7, true, Channel::RELIABLE_ORDERED);
        let mut message = Vec::new();
        for len in [8, 9, 100, 65_536] {
            stream.write(5, len, &mut message);
            assert_eq!((message.len(), stream.index_of(&message)), (len, Some(5)));
            let at = len - 1;
            message[at] ^= 1;
            assert_eq!(stream.index_of(&message), None);
            message[at] ^= 1;
            assert_eq!(Stream::new(7, false, Channel::RELIABLE_ORDERED).index_of(&message), None);
        }
        stream.write(5, 3, &mut message);
        assert!(stream.is_short(&message) && !stream.is_short(&message[..2]));
    }
}
