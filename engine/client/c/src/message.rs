//! Asks, answers and events: bytes that only the program and its server understand.

use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::Wire;
use ringshard_world::limits::{ASK_BYTES_MAX, EVENT_BYTES_MAX};
use std::fmt;

/// An ask, or an answer.
pub type Ask = Message<ASK_BYTES_MAX>;
/// An event.
pub type Event = Message<EVENT_BYTES_MAX>;

/// At most `N` bytes.
#[derive(Clone, Copy)]
pub struct Message<const N: usize> {
    len: u16,
    bytes: [u8; N],
}

impl<const N: usize> Message<N> {
    /// A message; None if it is too long.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut message = Message { len: u16::try_from(bytes.len()).ok()?, bytes: [0; N] };
        message.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(message)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl<const N: usize> Wire for Message<N> {
    const BYTES_MAX: usize = N;
    // The rules have the numbers that the program gives.
    const SCHEMA: u32 = 0;

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.raw(self.bytes())
    }

    /// Takes all that is left.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes = reader.raw(reader.remaining())?;
        Message::new(bytes).ok_or(Malformed::TooLong)
    }
}

impl<const N: usize> fmt::Debug for Message<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.bytes()).finish()
    }
}
