//! Messages that come in pieces (W11).

use super::grains::{Grains, grains_of};
use crate::limits::{
    FRAGMENT_GRAIN_BYTES, FRAGMENT_STALL, FRAGMENT_TIMEOUT, FRAGMENTED_BYTES_MAX, FRAGMENTED_OPEN_MAX,
};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Fragment};

/// A message of which not all pieces are there.
#[derive(Debug)]
pub(super) struct Assembly {
    buffer: Buffer,
    compressed: bool,
    there: Grains,
    /// When the last piece came that was new.
    pub(super) progressed_at: Instant,
}

/// What a piece came to.
pub(super) enum Placed {
    /// It was there already, or does not belong to this message.
    Useless,
    /// More is missing.
    Incomplete,
    /// All is there.
    Complete,
}

impl Assembly {
    /// Memory for the message that `fragment` is of; None when there is none left.
    pub(super) fn begin(now: Instant, fragment: &Fragment<'_>, pool: &mut MessagePool) -> Option<Self> {
        let buffer = pool.take(fragment.total)?;
        Some(Assembly { buffer, compressed: fragment.compressed, there: Grains::default(), progressed_at: now })
    }

    /// Puts a piece where it belongs. One that contradicts those before it is of no use.
    pub(super) fn place(&mut self, now: Instant, fragment: &Fragment<'_>) -> Placed {
        if fragment.total != self.buffer.len() || fragment.compressed != self.compressed {
            return Placed::Useless;
        }
        let first = (fragment.offset / FRAGMENT_GRAIN_BYTES) as u16;
        if self.there.insert(first, grains_of(fragment.bytes.len())) == 0 {
            return Placed::Useless;
        }
        self.progressed_at = now;
        self.buffer.bytes_mut()[fragment.offset..fragment.offset + fragment.bytes.len()]
            .copy_from_slice(fragment.bytes);
        match self.there.count() == grains_of(self.buffer.len()) {
            true => Placed::Complete,
            false => Placed::Incomplete,
        }
    }

    /// Size of the whole.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The memory, and whether what is in it is compressed.
    pub(super) fn into_parts(self) -> (Buffer, bool) {
        (self.buffer, self.compressed)
    }
}

/// Unreliable messages of which not all pieces are there. A new one takes the place of the stalest, if that lacks new pieces
/// for long enough: were it otherwise, messages whose pieces come interleaved would drive each other out, all of them.
#[derive(Debug, Default)]
pub(super) struct UnreliableAssemblies {
    open: Vec<(Channel, u16, Assembly)>,
    bytes: usize,
    /// Messages given up for want of pieces.
    pub(super) abandoned: u64,
    /// Pieces of messages for which there was no place.
    pub(super) refused: u64,
}

impl UnreliableAssemblies {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Memory that is set aside for them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a piece; gives the message if that was the last one missing.
    pub(super) fn place(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> Option<(Buffer, bool)> {
        let known = self
            .open
            .iter()
            .position(|(channel, number, _)| (*channel, *number) == (fragment.channel, fragment.number));
        let index = match known {
            Some(index) => index,
            None => {
                while self.open.len() >= FRAGMENTED_OPEN_MAX || self.bytes + fragment.total > FRAGMENTED_BYTES_MAX {
                    let stalest = (0..self.open.len()).min_by_key(|&index| self.open[index].2.progressed_at)?;
                    if now.since(self.open[stalest].2.progressed_at) < FRAGMENT_STALL {
                        self.refused += 1;
                        return None;
                    }
                    self.abandon(stalest, pool);
                }
                self.open.push((fragment.channel, fragment.number, Assembly::begin(now, fragment, pool)?));
                self.bytes += fragment.total;
                self.open.len() - 1
            }
        };
        match self.open[index].2.place(now, fragment) {
            Placed::Complete => {
                let (_, _, assembly) = self.open.swap_remove(index);
                self.bytes -= assembly.len();
                Some(assembly.into_parts())
            }
            Placed::Incomplete | Placed::Useless => None,
        }
    }

    /// Gives up what has lacked pieces for too long.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool) {
        while let Some(index) =
            self.open.iter().position(|(_, _, assembly)| assembly.progressed_at + FRAGMENT_TIMEOUT <= now)
        {
            self.abandon(index, pool);
        }
    }

    /// When [`Self::expire`] has something to do next.
    pub(super) fn deadline(&self) -> Instant {
        let oldest = self.open.iter().map(|(_, _, assembly)| assembly.progressed_at).min();
        oldest.map_or(Instant::NEVER, |at| at + FRAGMENT_TIMEOUT)
    }

    fn abandon(&mut self, index: usize, pool: &mut MessagePool) {
        let (_, _, assembly) = self.open.swap_remove(index);
        self.bytes -= assembly.len();
        pool.give_back(assembly.into_parts().0);
        self.abandoned += 1;
    }

    /// Gives up all of it, and gives the memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for (_, _, assembly) in self.open.drain(..) {
            pool.give_back(assembly.into_parts().0);
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
        let mut open = UnreliableAssemblies::default();
        let message: Vec<u8> = (0..1000).map(|byte| byte as u8).collect();
        for offset in [512, 0, 512, 896, 256] {
            let end = (offset + 256).min(1000);
            assert!(open.place(Instant::ZERO, &piece(1, offset, 1000, &message[offset..end]), &mut pool).is_none());
        }
        // A piece of another whole under the same number changes nothing.
        assert!(open.place(Instant::ZERO, &piece(1, 768, 900, &[0; 128]), &mut pool).is_none());
        let (buffer, compressed) =
            open.place(Instant::ZERO, &piece(1, 768, 1000, &message[768..896]), &mut pool).expect("complete");
        assert_eq!((buffer.bytes(), compressed), (&message[..], false));
        pool.give_back(buffer);
        assert_eq!((pool.lent_bytes(), open.bytes), (0, 0));
    }

    /// Nine messages of two pieces each, the first pieces of all before the second ones.
    #[test]
    fn interleaved_messages_are_completed_as_far_as_there_is_room() {
        let mut pool = MessagePool::new(0);
        let mut open = UnreliableAssemblies::default();
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
        assert_eq!((open.abandoned, open.refused), (0, 1), "the late piece of the ninth waits for nothing");
    }

    #[test]
    fn the_stalest_makes_room_and_time_ends_the_rest() {
        let mut pool = MessagePool::new(0);
        let mut open = UnreliableAssemblies::default();
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
