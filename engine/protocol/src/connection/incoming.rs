//! Reliable messages of one channel on their way in: each is delivered once, and where the channel is ordered, in order.

use super::assembly::{Assembly, Placed};
use super::outgoing::message_cost;
use crate::limits::{
    CHANNEL_WINDOW_MESSAGES, FRAGMENTED_BYTES_MAX, FRAGMENTED_OPEN_MAX, RELIABLE_WINDOW_BYTES, WHOLE_MESSAGE_BYTES_MAX,
};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Delivery, Fragment};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

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

/// A message that is there, wholly or in part, while others before it are not.
#[derive(Debug)]
enum Slot {
    Partial(Box<Assembly>),
    Held(Buffer, bool),
}

/// Numbers ahead of the next that were delivered: where order does not matter.
#[derive(Debug)]
struct DeliveredAhead {
    bits: [u64; CHANNEL_WINDOW_MESSAGES / 64],
}

impl DeliveredAhead {
    fn place(number: u64) -> (usize, u64) {
        let place = number as usize % CHANNEL_WINDOW_MESSAGES;
        (place / 64, 1 << (place % 64))
    }

    fn contains(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.bits[word] & bit != 0
    }

    fn insert(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.bits[word] |= bit;
    }

    /// Takes a number out; false when it is not in.
    fn remove(&mut self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        let was_in = self.bits[word] & bit != 0;
        self.bits[word] &= !bit;
        was_in
    }
}

/// One channel's numbers.
#[derive(Debug)]
pub(super) struct Incoming {
    channel: Channel,
    /// The first number that is not delivered.
    next: u64,
    /// What is kept, by number. What a peer pays for each entry bounds how many there are.
    slots: BTreeMap<u64, Slot>,
    /// Made when the first message is delivered out of order.
    delivered_ahead: Option<Box<DeliveredAhead>>,
    /// When something last came that was of use to the message that is next.
    progressed_at: Instant,
}

impl Incoming {
    pub(super) fn new(now: Instant, channel: Channel) -> Self {
        assert!(channel.delivery().is_reliable(), "unreliable messages have no order to keep");
        Incoming { channel, next: 0, slots: BTreeMap::new(), delivered_ahead: None, progressed_at: now }
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
        let Some(number) = self.number_of(number)? else { return Ok(Arrived::Duplicate) };
        if self.is_there(number) {
            return Ok(Arrived::Duplicate);
        }
        self.note_progress(now, number);
        let deliverable = self.is_unordered() || number == self.next && in_place;
        if deliverable && !compressed {
            self.drop_pieces(number, kept, pool);
            self.deliver(number, kept, ready);
            return Ok(Arrived::InPlace);
        }
        let buffer = pool.copy(bytes).ok_or(Violation)?;
        self.drop_pieces(number, kept, pool);
        self.complete(number, buffer, compressed, kept, ready)?;
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
        let Some(number) = self.number_of(fragment.number)? else { return Ok(false) };
        if self.is_there(number) {
            return Ok(false);
        }
        let (next, is_first) = (self.next, self.slots.is_empty());
        let slot = match self.slots.entry(number) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(vacant) => {
                kept.open(fragment.total)?;
                let assembly = Assembly::begin(now, fragment, pool).ok_or(Violation)?;
                vacant.insert(Slot::Partial(Box::new(assembly)))
            }
        };
        let Slot::Partial(assembly) = slot else { return Ok(false) };
        let placed = assembly.place(now, fragment);
        if matches!(placed, Placed::Useless) {
            return Ok(false);
        }
        // What was there already is no progress.
        if number == next || is_first {
            self.progressed_at = now;
        }
        if matches!(placed, Placed::Incomplete) {
            return Ok(true);
        }
        if let Some(Slot::Partial(assembly)) = self.slots.remove(&number) {
            kept.close(&assembly);
            let (buffer, compressed) = assembly.into_parts();
            self.complete(number, buffer, compressed, kept, ready)?;
        }
        Ok(true)
    }

    fn is_unordered(&self) -> bool {
        self.channel.delivery() == Delivery::ReliableUnordered
    }

    /// Whether a message that is not delivered in order has come already, whole.
    fn is_there(&self, number: u64) -> bool {
        self.delivered_ahead.as_ref().is_some_and(|ahead| ahead.contains(number))
            || matches!(self.slots.get(&number), Some(Slot::Held(..)))
    }

    fn note_progress(&mut self, now: Instant, number: u64) {
        if number == self.next || self.slots.is_empty() {
            self.progressed_at = now;
        }
    }

    /// The whole number that the 16 bits on the wire are of; None when it was delivered.
    fn number_of(&self, number: u16) -> Result<Option<u64>, Violation> {
        let ahead = self.distance(number);
        match ahead {
            0x8000.. => Ok(None),
            _ if usize::from(ahead) < CHANNEL_WINDOW_MESSAGES => Ok(Some(self.next + u64::from(ahead))),
            _ => Err(Violation),
        }
    }

    /// All of a message is there, in memory.
    fn complete(
        &mut self,
        number: u64,
        buffer: Buffer,
        compressed: bool,
        kept: &mut Kept,
        ready: &mut VecDeque<Ready>,
    ) -> Result<(), Violation> {
        if self.is_unordered() {
            ready.push_back(Ready { channel: self.channel, buffer, compressed });
            self.deliver(number, kept, ready);
            return Ok(());
        }
        kept.cost += message_cost(buffer.len());
        self.slots.insert(number, Slot::Held(buffer, compressed));
        self.advance(kept, ready);
        if kept.cost > RELIABLE_WINDOW_BYTES { Err(Violation) } else { Ok(()) }
    }

    /// Pieces of a message that came before the whole of it are not needed any more.
    fn drop_pieces(&mut self, number: u64, kept: &mut Kept, pool: &mut MessagePool) {
        if let Some(Slot::Partial(assembly)) = self.slots.remove(&number) {
            kept.close(&assembly);
            pool.give_back(assembly.into_parts().0);
        }
    }

    /// Message `number` goes to the driver.
    fn deliver(&mut self, number: u64, kept: &mut Kept, ready: &mut VecDeque<Ready>) {
        if number == self.next {
            self.next += 1;
            return self.advance(kept, ready);
        }
        let empty = || Box::new(DeliveredAhead { bits: [0; CHANNEL_WINDOW_MESSAGES / 64] });
        self.delivered_ahead.get_or_insert_with(empty).insert(number);
    }

    /// Goes on behind what is there, and delivers what the missing message had held up.
    fn advance(&mut self, kept: &mut Kept, ready: &mut VecDeque<Ready>) {
        if let Some(ahead) = &mut self.delivered_ahead {
            while ahead.remove(self.next) {
                self.next += 1;
            }
        }
        while let Some(first) = self.slots.first_entry()
            && *first.key() == self.next
            && matches!(first.get(), Slot::Held(..))
        {
            if let Slot::Held(buffer, compressed) = first.remove() {
                kept.cost -= message_cost(buffer.len());
                ready.push_back(Ready { channel: self.channel, buffer, compressed });
            }
            self.next += 1;
        }
    }

    /// How far a number is ahead of the next; 0x8000 and more for what was delivered.
    pub(super) fn distance(&self, number: u16) -> u16 {
        number.wrapping_sub(self.next as u16)
    }

    /// Whether pieces of this message are there.
    pub(super) fn has_begun(&self, number: u16) -> bool {
        matches!(self.slots.get(&(self.next + u64::from(self.distance(number)))), Some(Slot::Partial(_)))
    }

    /// Since when nothing was delivered although messages are kept; None when none are.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        (!self.slots.is_empty()).then_some(self.progressed_at)
    }

    /// Gives all memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for slot in std::mem::take(&mut self.slots).into_values() {
            match slot {
                Slot::Partial(assembly) => pool.give_back(assembly.into_parts().0),
                Slot::Held(buffer, _) => pool.give_back(buffer),
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

    /// Memory that is set aside for what is kept.
    pub(super) fn bytes(&self) -> usize {
        self.cost + self.open_bytes
    }

    /// Messages of which some fragments have come, and some have not.
    pub(super) fn in_pieces(&self) -> usize {
        self.open
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
