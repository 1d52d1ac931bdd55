//! Reliable messages of one channel on their way in: each is delivered once, and where the channel is ordered, in order.

use super::assembly::{Assembly, Placed};
use super::outgoing::message_cost;
use crate::limits::{
    CHANNEL_WINDOW_MESSAGES, FRAGMENTED_BYTES_MAX, FRAGMENTED_OPEN_MAX, RELIABLE_WINDOW_BYTES, WHOLE_MESSAGE_BYTES_MAX,
};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Delivery, Fragment};
use std::collections::VecDeque;

/// A message that waits for the driver to read it.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) channel: Channel,
    pub(super) buffer: Buffer,
    pub(super) compressed: bool,
}

/// What all reliable channels of a connection together keep of what came.
#[derive(Debug, Default)]
pub(super) struct Kept {
    cost: usize,
    open: usize,
    open_bytes: usize,
}

/// The peer sent beyond what it may: no correct end does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Violation;

/// What a whole message came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arrived {
    /// To be delivered as it lies in its datagram.
    InPlace,
    /// Kept, delivered from memory now or later.
    Kept,
    /// Delivered before.
    Duplicate,
}

#[derive(Debug)]
enum Slot {
    Missing,
    Partial(Assembly),
    /// There, but others before it are not.
    Held(Buffer, bool),
    /// Delivered before others that are missing: only where order does not matter.
    Delivered,
}

/// One channel's numbers.
#[derive(Debug)]
pub(super) struct Incoming {
    channel: Channel,
    /// The first number that is not delivered.
    next: u32,
    /// What there is from `next` on.
    slots: VecDeque<Slot>,
    /// When something last came that was of use to the message that is next.
    progressed_at: Instant,
}

impl Incoming {
    pub(super) fn new(now: Instant, channel: Channel) -> Self {
        assert!(channel.delivery().is_reliable(), "unreliable messages have no order to keep");
        Incoming { channel, next: 0, slots: VecDeque::new(), progressed_at: now }
    }

    /// A message that came whole. `in_place` says whether nothing that was kept waits to be read before it.
    #[allow(clippy::too_many_arguments, reason = "the channel's own state and what all channels share")]
    pub(super) fn message(
        &mut self,
        now: Instant,
        number: u16,
        bytes: &[u8],
        compressed: bool,
        in_place: bool,
        kept: &mut Kept,
        ready: &mut VecDeque<Ready>,
        pool: &mut MessagePool,
    ) -> Result<Arrived, Violation> {
        let Some(index) = self.index_of(number)? else { return Ok(Arrived::Duplicate) };
        if matches!(self.slots.get(index), Some(Slot::Held(..) | Slot::Delivered)) {
            return Ok(Arrived::Duplicate);
        }
        if index == 0 || self.slots.is_empty() {
            self.progressed_at = now;
        }
        let deliverable = self.channel.delivery() == Delivery::ReliableUnordered || index == 0 && in_place;
        if deliverable && !compressed {
            self.settle(index, Slot::Delivered, kept, pool);
            self.advance(kept, ready);
            return Ok(Arrived::InPlace);
        }
        let buffer = pool.copy(bytes).ok_or(Violation)?;
        self.complete(index, buffer, compressed, kept, ready, pool)?;
        Ok(Arrived::Kept)
    }

    /// A piece of a message. Gives whether it was of use.
    pub(super) fn fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        kept: &mut Kept,
        ready: &mut VecDeque<Ready>,
        pool: &mut MessagePool,
    ) -> Result<bool, Violation> {
        let Some(index) = self.index_of(fragment.number)? else { return Ok(false) };
        if self.slots.is_empty() {
            self.progressed_at = now;
        }
        self.reach(index);
        if matches!(self.slots[index], Slot::Missing) {
            kept.open(fragment.total)?;
            let assembly = Assembly::begin(now, fragment, pool).ok_or(Violation)?;
            self.slots[index] = Slot::Partial(assembly);
        }
        if index == 0 {
            self.progressed_at = now;
        }
        let Slot::Partial(assembly) = &mut self.slots[index] else { return Ok(false) };
        match assembly.place(now, fragment) {
            Placed::Useless => Ok(false),
            Placed::Incomplete => Ok(true),
            Placed::Complete => {
                let Slot::Partial(assembly) = std::mem::replace(&mut self.slots[index], Slot::Missing) else {
                    unreachable!("it was just found to be one")
                };
                kept.close(&assembly);
                let (buffer, compressed) = assembly.into_parts();
                self.complete(index, buffer, compressed, kept, ready, pool)?;
                Ok(true)
            }
        }
    }

    /// Where `number` belongs in the slots; None when it was delivered.
    fn index_of(&self, number: u16) -> Result<Option<usize>, Violation> {
        let ahead = self.distance(number);
        match ahead {
            0x8000.. => Ok(None),
            _ if usize::from(ahead) < CHANNEL_WINDOW_MESSAGES => Ok(Some(ahead.into())),
            _ => Err(Violation),
        }
    }

    fn reach(&mut self, index: usize) {
        while self.slots.len() <= index {
            self.slots.push_back(Slot::Missing);
        }
    }

    /// All of a message is there, in memory.
    fn complete(
        &mut self,
        index: usize,
        buffer: Buffer,
        compressed: bool,
        kept: &mut Kept,
        ready: &mut VecDeque<Ready>,
        pool: &mut MessagePool,
    ) -> Result<(), Violation> {
        if self.channel.delivery() == Delivery::ReliableUnordered {
            ready.push_back(Ready { channel: self.channel, buffer, compressed });
            self.settle(index, Slot::Delivered, kept, pool);
        } else {
            kept.cost += message_cost(buffer.len());
            self.settle(index, Slot::Held(buffer, compressed), kept, pool);
        }
        self.advance(kept, ready);
        if kept.cost > RELIABLE_WINDOW_BYTES { Err(Violation) } else { Ok(()) }
    }

    /// Puts `slot` in its place; pieces of the message that came before the whole of it are not needed any more.
    fn settle(&mut self, index: usize, slot: Slot, kept: &mut Kept, pool: &mut MessagePool) {
        self.reach(index);
        if let Slot::Partial(assembly) = std::mem::replace(&mut self.slots[index], slot) {
            kept.close(&assembly);
            pool.give_back(assembly.into_parts().0);
        }
    }

    /// Delivers what the missing message had held up.
    fn advance(&mut self, kept: &mut Kept, ready: &mut VecDeque<Ready>) {
        while let Some(Slot::Held(..) | Slot::Delivered) = self.slots.front() {
            if let Some(Slot::Held(buffer, compressed)) = self.slots.pop_front() {
                kept.cost -= message_cost(buffer.len());
                ready.push_back(Ready { channel: self.channel, buffer, compressed });
            }
            self.next = self.next.wrapping_add(1);
        }
    }

    /// How far a number is ahead of the next; 0x8000 and more for what was delivered.
    pub(super) fn distance(&self, number: u16) -> u16 {
        number.wrapping_sub(self.next as u16)
    }

    /// Whether pieces of this message are there.
    pub(super) fn has_begun(&self, number: u16) -> bool {
        matches!(self.slots.get(usize::from(self.distance(number))), Some(Slot::Partial(_)))
    }

    /// Since when nothing was delivered although messages are kept; None when none are.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let keeps = self.slots.iter().any(|slot| matches!(slot, Slot::Partial(_) | Slot::Held(..)));
        keeps.then_some(self.progressed_at)
    }

    /// Gives all memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for slot in self.slots.drain(..) {
            match slot {
                Slot::Partial(assembly) => pool.give_back(assembly.into_parts().0),
                Slot::Held(buffer, _) => pool.give_back(buffer),
                Slot::Missing | Slot::Delivered => {}
            }
        }
    }
}

impl Kept {
    /// A message of `bytes` comes in pieces. Those that are cut only because the path is narrow are not counted apart.
    fn open(&mut self, bytes: usize) -> Result<(), Violation> {
        if bytes <= WHOLE_MESSAGE_BYTES_MAX {
            self.cost += message_cost(bytes);
        } else {
            self.open += 1;
            self.open_bytes += bytes;
        }
        let within = self.cost <= RELIABLE_WINDOW_BYTES
            && self.open <= FRAGMENTED_OPEN_MAX
            && self.open_bytes <= FRAGMENTED_BYTES_MAX;
        if within { Ok(()) } else { Err(Violation) }
    }

    /// All of it is there, one way or another.
    fn close(&mut self, assembly: &Assembly) {
        if assembly.len() <= WHOLE_MESSAGE_BYTES_MAX {
            self.cost -= message_cost(assembly.len());
        } else {
            self.open -= 1;
            self.open_bytes -= assembly.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Csprng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    struct Fixture {
        incoming: Incoming,
        kept: Kept,
        ready: VecDeque<Ready>,
        pool: MessagePool,
        delivered: Vec<Vec<u8>>,
    }

    impl Fixture {
        fn new(channel: Channel) -> Self {
            Fixture {
                incoming: Incoming::new(Instant::ZERO, channel),
                kept: Kept::default(),
                ready: VecDeque::new(),
                pool: MessagePool::new(0),
                delivered: Vec::new(),
            }
        }

        fn message(&mut self, number: u16, bytes: &[u8]) -> Result<Arrived, Violation> {
            let Fixture { incoming, kept, ready, pool, .. } = self;
            let arrived = incoming.message(Instant::ZERO, number, bytes, false, ready.is_empty(), kept, ready, pool)?;
            if arrived == Arrived::InPlace {
                self.delivered.push(bytes.to_vec());
            }
            self.drain();
            Ok(arrived)
        }

        fn piece(&mut self, number: u16, offset: usize, total: usize, bytes: &[u8]) -> Result<bool, Violation> {
            let Fixture { incoming, kept, ready, pool, .. } = self;
            let channel = incoming.channel;
            let fragment = Fragment { channel, number, offset, total, compressed: false, bytes };
            let useful = incoming.fragment(Instant::ZERO, &fragment, kept, ready, pool)?;
            self.drain();
            Ok(useful)
        }

        fn drain(&mut self) {
            for ready in self.ready.drain(..) {
                self.delivered.push(ready.buffer.bytes().to_vec());
                self.pool.give_back(ready.buffer);
            }
        }
    }

    #[test]
    fn ordered_messages_are_delivered_once_and_in_order_however_they_come() {
        for seed in 0..50 {
            let mut random = Csprng::seed_from_u64(seed);
            let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
            // Numbers wrap within the run.
            fixture.incoming.next = 0xFFF0;
            let mut waiting: Vec<u16> = (0..100).flat_map(|offset| [0xFFF0_u16.wrapping_add(offset); 2]).collect();
            while !waiting.is_empty() {
                let index = random.next_u32() as usize % waiting.len();
                let number = waiting.swap_remove(index);
                let bytes = [number.to_le_bytes(); 100].concat();
                if number.is_multiple_of(3) {
                    let half = random.next_u32() as usize % 2 * 128;
                    fixture.piece(number, half, 200, &bytes[half..(half + 128).min(200)]).unwrap();
                    fixture.piece(number, 128 - half, 200, &bytes[128 - half..(256 - half).min(200)]).unwrap();
                } else {
                    fixture.message(number, &bytes).unwrap();
                }
            }
            let order: Vec<_> =
                fixture.delivered.iter().map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).collect();
            let expected: Vec<_> = (0..100).map(|offset| 0xFFF0_u16.wrapping_add(offset)).collect();
            assert_eq!(order, expected, "seed {seed}");
            assert_eq!((fixture.pool.lent_bytes(), fixture.kept.cost, fixture.kept.open), (0, 0, 0));
        }
    }

    #[test]
    fn unordered_messages_are_delivered_at_once_and_once() {
        let mut fixture = Fixture::new(Channel::RELIABLE_UNORDERED);
        for number in [3, 1, 3, 0, 2, 1, 4, 0] {
            fixture.message(number, &[number as u8]).unwrap();
        }
        assert_eq!(fixture.delivered, [[3], [1], [0], [2], [4]]);
        assert_eq!((fixture.incoming.next, fixture.incoming.slots.len()), (5, 0));
    }

    #[test]
    fn a_peer_that_sends_beyond_its_windows_is_found_out() {
        let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
        assert_eq!(fixture.message(CHANNEL_WINDOW_MESSAGES as u16, b"far"), Err(Violation));
        for number in 0..4 {
            assert_eq!(fixture.piece(number, 0, 65_536, &[1; 128]), Ok(true));
        }
        assert_eq!(fixture.piece(4, 0, 65_536, &[1; 128]), Err(Violation));
        let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
        let held = (1..4000).map(|number| fixture.message(number, &[0; 1000])).take_while(Result::is_ok).count();
        assert_eq!(held, RELIABLE_WINDOW_BYTES / message_cost(1000));
        fixture.incoming.release(&mut fixture.pool);
        assert_eq!(fixture.pool.lent_bytes(), 0);
    }
}
