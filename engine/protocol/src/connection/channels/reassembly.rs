//! Reassembly of messages that arrive in pieces (PROTOCOL.md#fragments).

use super::fragment_bitmap::{FragmentBitmap, grain_count};
use super::transfer_reader::{Reader, TransferError};
use crate::limits::{
    FRAGMENT_GRAIN_BYTES, FRAGMENT_STALL, FRAGMENT_TIMEOUT, FRAGMENTED_BYTES_MAX, FRAGMENTED_OPEN_MAX,
};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Fragment};

/// A message with missing pieces.
#[derive(Debug)]
pub(super) struct Reassembly {
    buffer: Buffer,
    compressed: bool,
    received: FragmentBitmap,
    /// When the last new piece arrived.
    pub(super) progressed_at: Instant,
}

/// What a piece did for its message.
pub(super) enum Placement {
    /// Nothing: it was there already, or contradicts the first piece.
    Useless,
    /// The message still lacks pieces.
    Incomplete,
    /// The message is complete.
    Complete,
}

impl Reassembly {
    /// Takes memory for the message of `fragment`. None when there is none left.
    pub(super) fn begin(now: Instant, fragment: &Fragment<'_>, pool: &mut MessagePool) -> Option<Self> {
        let buffer = pool.take(fragment.total)?;
        Some(Reassembly {
            buffer,
            compressed: fragment.compressed,
            received: FragmentBitmap::default(),
            progressed_at: now,
        })
    }

    /// Copies a piece to its place.
    pub(super) fn place(&mut self, now: Instant, fragment: &Fragment<'_>) -> Placement {
        if fragment.total != self.buffer.len() || fragment.compressed != self.compressed {
            return Placement::Useless;
        }
        assert!(fragment.offset + fragment.bytes.len() <= fragment.total, "the decoder checks where a piece ends");
        let first = (fragment.offset / FRAGMENT_GRAIN_BYTES) as u16;
        if self.received.insert(first, grain_count(fragment.bytes.len())) == 0 {
            return Placement::Useless;
        }
        self.progressed_at = now;
        self.buffer.bytes_mut()[fragment.offset..fragment.offset + fragment.bytes.len()]
            .copy_from_slice(fragment.bytes);
        let total = grain_count(self.buffer.len());
        assert!(self.received.count() <= total, "no more pieces than the message has");
        if self.received.count() == total { Placement::Complete } else { Placement::Incomplete }
    }

    /// Appends the message and its pieces for another server.
    pub(super) fn write_transfer(&self, to: &mut Vec<u8>) {
        to.push(self.compressed.into());
        to.extend_from_slice(&(self.buffer.len() as u32).to_le_bytes());
        to.extend_from_slice(&self.received.to_bytes());
        to.extend_from_slice(self.buffer.bytes());
    }

    /// Reads what [`Self::write_transfer`] wrote.
    pub(super) fn read_transfer(
        now: Instant,
        reader: &mut Reader<'_>,
        pool: &mut MessagePool,
    ) -> Result<Self, TransferError> {
        let (compressed, len) = (reader.u8()? != 0, reader.len()?);
        let received = FragmentBitmap::from_bytes(reader.array()?, grain_count(len)).ok_or(TransferError::Malformed)?;
        Reader::check(received.count() < grain_count(len))?;
        Ok(Reassembly { buffer: reader.buffer(len, pool)?, compressed, received, progressed_at: now })
    }

    /// Size of the whole message.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The memory, and whether the message in it is compressed.
    pub(super) fn into_parts(self) -> (Buffer, bool) {
        (self.buffer, self.compressed)
    }
}

#[derive(Debug)]
struct UnreliableReassembly {
    channel: Channel,
    number: u16,
    message: Reassembly,
}

/// Unreliable messages with missing pieces. A new one replaces the one that has waited longest for a new piece, if it
/// has waited for [`FRAGMENT_STALL`]. Without that wait, interleaved messages would displace each other, and none would
/// ever be complete.
#[derive(Debug, Default)]
pub(super) struct UnreliableReassemblies {
    open: Vec<UnreliableReassembly>,
    bytes: usize,
    /// Messages given up because of missing pieces.
    pub(super) abandoned: u64,
    /// Pieces dropped because there was no place for their message.
    pub(super) refused: u64,
}

impl UnreliableReassemblies {
    /// How many messages lack pieces.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Memory reserved for them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a piece. Returns the message, if that completes it, and whether it is compressed.
    pub(super) fn place(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> Option<(Buffer, bool)> {
        let known = self.open.iter().position(|it| (it.channel, it.number) == (fragment.channel, fragment.number));
        let index = match known {
            Some(index) => index,
            None => self.begin(now, fragment, pool)?,
        };
        match self.open[index].message.place(now, fragment) {
            Placement::Complete => Some(self.remove(index).into_parts()),
            Placement::Incomplete | Placement::Useless => None,
        }
    }

    /// Begins the message of `fragment`, in the place of stalled ones if needed. Returns its index.
    fn begin(&mut self, now: Instant, fragment: &Fragment<'_>, pool: &mut MessagePool) -> Option<usize> {
        while self.open.len() >= FRAGMENTED_OPEN_MAX || self.bytes + fragment.total > FRAGMENTED_BYTES_MAX {
            let stalest = (0..self.open.len()).min_by_key(|&index| self.open[index].message.progressed_at)?;
            if now.since(self.open[stalest].message.progressed_at) < FRAGMENT_STALL {
                self.refused += 1;
                return None;
            }
            self.abandon(stalest, pool);
        }
        let message = Reassembly::begin(now, fragment, pool)?;
        self.open.push(UnreliableReassembly { channel: fragment.channel, number: fragment.number, message });
        self.bytes += fragment.total;
        assert!(self.open.len() <= FRAGMENTED_OPEN_MAX && self.bytes <= FRAGMENTED_BYTES_MAX, "reassembly is bounded");
        Some(self.open.len() - 1)
    }

    fn remove(&mut self, index: usize) -> Reassembly {
        let message = self.open.swap_remove(index).message;
        assert!(message.len() <= self.bytes, "each message is counted once");
        self.bytes -= message.len();
        assert!(!self.open.is_empty() || self.bytes == 0, "no memory is reserved for nothing");
        message
    }

    fn abandon(&mut self, index: usize, pool: &mut MessagePool) {
        pool.give_back(self.remove(index).into_parts().0);
        self.abandoned += 1;
    }

    /// Gives up the messages that lack pieces for [`FRAGMENT_TIMEOUT`].
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool) {
        while let Some(index) = self.open.iter().position(|it| it.message.progressed_at + FRAGMENT_TIMEOUT <= now) {
            self.abandon(index, pool);
        }
    }

    /// When [`Self::expire`] has something to do next.
    pub(super) fn deadline(&self) -> Instant {
        let oldest = self.open.iter().map(|it| it.message.progressed_at).min();
        oldest.map_or(Instant::NEVER, |at| at + FRAGMENT_TIMEOUT)
    }

    /// Gives up all messages and gives their memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for it in self.open.drain(..) {
            pool.give_back(it.message.into_parts().0);
        }
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u16, offset: usize, total: usize, bytes: &[u8]) -> Fragment<'_> {
        Fragment { channel: Channel::UNRELIABLE, number, offset, total, compressed: false, bytes }
    }

    #[test]
    fn pieces_in_any_order_and_twice_make_the_message() {
        let mut pool = MessagePool::new(0);
        let mut open = UnreliableReassemblies::default();
        let message: Vec<u8> = (0..1000).map(|byte| byte as u8).collect();
        for offset in [512, 0, 512, 896, 256] {
            let end = (offset + 256).min(1000);
            assert!(open.place(Instant::ZERO, &piece(1, offset, 1000, &message[offset..end]), &mut pool).is_none());
        }
        // A piece of another message with the same number changes nothing.
        assert!(open.place(Instant::ZERO, &piece(1, 768, 900, &[0; 128]), &mut pool).is_none());
        let (buffer, compressed) =
            open.place(Instant::ZERO, &piece(1, 768, 1000, &message[768..896]), &mut pool).expect("complete");
        assert_eq!((buffer.bytes(), compressed), (&message[..], false));
        pool.give_back(buffer);
        assert_eq!((pool.lent_bytes(), open.bytes), (0, 0));
    }

    /// Nine messages of two pieces each, the first pieces of all before the second ones.
    #[test]
    fn interleaved_messages_complete_as_far_as_there_is_room() {
        let mut pool = MessagePool::new(0);
        let mut open = UnreliableReassemblies::default();
        let mut complete = Vec::new();
        for offset in [0, 128] {
            for number in 0..9 {
                let message = open.place(Instant::ZERO, &piece(number, offset, 256, &[1; 128]), &mut pool);
                complete.extend(message.map(|(buffer, _)| {
                    pool.give_back(buffer);
                    number
                }));
            }
        }
        assert_eq!(complete, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((open.abandoned, open.refused), (0, 1), "the ninth has no place");
    }

    #[test]
    fn stalled_messages_make_room_and_others_expire() {
        let mut pool = MessagePool::new(0);
        let mut open = UnreliableReassemblies::default();
        let at = |number: u16| Instant::ZERO + u32::from(number) * FRAGMENT_STALL / 4;
        for number in 0..100 {
            assert!(open.place(at(number), &piece(number, 0, 65_536, &[1; 128]), &mut pool).is_none());
            assert!(open.open.len() <= FRAGMENTED_OPEN_MAX && open.bytes <= FRAGMENTED_BYTES_MAX);
        }
        assert_eq!((open.open.len(), open.abandoned), (4, 96));
        assert_eq!(open.deadline(), at(96) + FRAGMENT_TIMEOUT);
        open.expire(at(97) + FRAGMENT_TIMEOUT, &mut pool);
        assert_eq!(open.open.len(), 2);
        open.release(&mut pool);
        assert_eq!(pool.lent_bytes(), 0);
    }
}
