//! The bytes that a match sends: a field of the game's event.

use ringshard_world::Wire;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::mix;
use std::fmt;

/// Most bytes of a packet's content. With its length, and the number of a variant, it fits an event
/// ([`EVENT_BYTES_MAX`](ringshard_world::limits::EVENT_BYTES_MAX)).
pub const PACKET_BYTES_MAX: usize = 224;
/// Bytes before the ticks in a packet of inputs: kind, match, first tick, count.
pub(crate) const RELAY_HEADER_BYTES: usize = 1 + 2 + 4 + 1;
/// Bytes before the inputs of a tick: which inputs follow, and which seats are present.
pub(crate) const TURN_HEADER_BYTES_MAX: usize = 2 + 1;

/// What a [`Match`](crate::Match) and a [`Session`](crate::Session) send each other. A game's `Event` has a variant that
/// holds one, and passes it on unread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    len: u8,
    /// Zeros follow the content.
    bytes: [u8; PACKET_BYTES_MAX],
}

impl Packet {
    /// A packet with this content; None if it is longer than [`PACKET_BYTES_MAX`].
    pub fn new(content: &[u8]) -> Option<Self> {
        let mut bytes = [0; PACKET_BYTES_MAX];
        bytes.get_mut(..content.len())?.copy_from_slice(content);
        Some(Packet { len: content.len() as u8, bytes })
    }

    /// Its content.
    pub fn content(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// A packet that `write` fills. What it writes fits.
    pub(crate) fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Self {
        let mut bytes = [0; PACKET_BYTES_MAX];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer).expect("what is written fits a packet");
        let len = writer.used() as u8;
        Packet { len, bytes }
    }
}

impl Wire for Packet {
    const BYTES_MAX: usize = 2 + PACKET_BYTES_MAX;
    const SCHEMA: u32 = mix(0x811C_9DC5, "rollback packet");

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.bytes(self.content())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Packet::new(reader.bytes()?).ok_or(Malformed::TooLong)
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} bytes)", self.len)
    }
}
