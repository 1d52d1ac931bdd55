//! The receiving side of one reliable channel: delivers each message once, and on ordered channels in order.

use super::reassembly::{Placement, Reassembly};
use super::transfer_reader::{Reader, TransferError};
use super::windows::{ReceiveWindow, Violation};
use crate::limits::CHANNEL_WINDOW_MESSAGES;
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Delivery, Fragment};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// A message in memory that waits for the driver to read it.
#[derive(Debug)]
pub(in crate::connection) struct Ready {
    pub(in crate::connection) channel: Channel,
    pub(in crate::connection) buffer: Buffer,
    pub(in crate::connection) compressed: bool,
}

/// What becomes of a whole message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::connection) enum Disposition {
    /// Delivered in place, from its datagram.
    InPlace,
    /// Copied to memory, and delivered from there now or later.
    Buffered,
    /// Delivered before.
    Duplicate,
}

/// A message that cannot be delivered yet.
#[derive(Debug)]
enum Buffered {
    Partial(Box<Reassembly>),
    /// Complete, but earlier ones are missing.
    Complete(Buffer, bool),
}

/// Numbers above the next one whose messages are delivered, on unordered channels: a ring of bits.
#[derive(Debug)]
struct DeliveredAhead {
    bits: [u64; CHANNEL_WINDOW_MESSAGES / 64],
}

impl DeliveredAhead {
    fn new() -> Self {
        DeliveredAhead { bits: [0; CHANNEL_WINDOW_MESSAGES / 64] }
    }

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
        assert!(self.bits[word] & bit == 0, "a message is delivered once");
        self.bits[word] |= bit;
    }

    /// Removes a number. False if it is not in.
    fn remove(&mut self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        let was_in = self.bits[word] & bit != 0;
        self.bits[word] &= !bit;
        was_in
    }
}

/// The receiving side of one reliable channel.
#[derive(Debug)]
pub(super) struct ReceiveChannel {
    channel: Channel,
    /// The lowest number that is not delivered. On the wire it is modulo 2^16.
    next: u64,
    /// Messages that cannot be delivered yet, by number. The receive window bounds them.
    buffered: BTreeMap<u64, Buffered>,
    /// Allocated when the first message is delivered out of order.
    delivered_ahead: Option<Box<DeliveredAhead>>,
    /// When something new last arrived for the message that is next.
    progressed_at: Instant,
}

impl ReceiveChannel {
    pub(super) fn new(now: Instant, channel: Channel) -> Self {
        assert!(channel.delivery().is_reliable(), "unreliable messages are not buffered by number");
        ReceiveChannel { channel, next: 0, buffered: BTreeMap::new(), delivered_ahead: None, progressed_at: now }
    }

    /// A whole message arrives. `in_place`: no buffered message waits to be read before it.
    ///
    /// # Errors
    /// [`Violation`] if it lies beyond a window, or there is no memory for it.
    #[allow(clippy::too_many_arguments, reason = "the channel's own state and what all channels share")]
    pub(super) fn message(
        &mut self,
        now: Instant,
        number: u16,
        bytes: &[u8],
        compressed: bool,
        in_place: bool,
        window: &mut ReceiveWindow,
        ready: &mut VecDeque<Ready>,
        pool: &mut MessagePool,
    ) -> Result<Disposition, Violation> {
        let Some(number) = self.full_number(number)? else { return Ok(Disposition::Duplicate) };
        if self.is_complete(number) {
            return Ok(Disposition::Duplicate);
        }
        if number == self.next || self.buffered.is_empty() {
            self.progressed_at = now;
        }
        let deliverable = self.is_unordered() || number == self.next && in_place;
        if deliverable && !compressed {
            self.drop_pieces(number, window, pool);
            self.deliver(number, window, ready);
            return Ok(Disposition::InPlace);
        }
        let buffer = pool.copy(bytes).ok_or(Violation)?;
        self.drop_pieces(number, window, pool);
        self.complete(number, buffer, compressed, window, ready)?;
        Ok(Disposition::Buffered)
    }

    /// A piece of a message arrives. Returns whether it was new.
    ///
    /// # Errors
    /// [`Violation`] if it lies beyond a window, or there is no memory for its message.
    pub(super) fn fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        window: &mut ReceiveWindow,
        ready: &mut VecDeque<Ready>,
        pool: &mut MessagePool,
    ) -> Result<bool, Violation> {
        let Some(number) = self.full_number(fragment.number)? else { return Ok(false) };
        if self.is_complete(number) {
            return Ok(false);
        }
        let is_first = self.buffered.is_empty();
        let Buffered::Partial(message) = self.begin(now, number, fragment, window, pool)? else { return Ok(false) };
        let placement = message.place(now, fragment);
        if matches!(placement, Placement::Useless) {
            return Ok(false);
        }
        if number == self.next || is_first {
            self.progressed_at = now;
        }
        if matches!(placement, Placement::Complete)
            && let Some(Buffered::Partial(message)) = self.buffered.remove(&number)
        {
            window.close(&message);
            let (buffer, compressed) = message.into_parts();
            self.complete(number, buffer, compressed, window, ready)?;
        }
        Ok(true)
    }

    /// The entry of message `number`. The first piece reserves its memory.
    fn begin(
        &mut self,
        now: Instant,
        number: u64,
        fragment: &Fragment<'_>,
        window: &mut ReceiveWindow,
        pool: &mut MessagePool,
    ) -> Result<&mut Buffered, Violation> {
        match self.buffered.entry(number) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                window.open(fragment.total)?;
                let message = Reassembly::begin(now, fragment, pool).ok_or(Violation)?;
                Ok(entry.insert(Buffered::Partial(Box::new(message))))
            }
        }
    }

    fn is_unordered(&self) -> bool {
        self.channel.delivery() == Delivery::ReliableUnordered
    }

    /// Whether a message at or above the next number has arrived completely.
    fn is_complete(&self, number: u64) -> bool {
        self.delivered_ahead.as_ref().is_some_and(|ahead| ahead.contains(number))
            || matches!(self.buffered.get(&number), Some(Buffered::Complete(..)))
    }

    /// The full number for the 16 bits from the wire (PROTOCOL.md#message-numbers). None if it is delivered already.
    fn full_number(&self, number: u16) -> Result<Option<u64>, Violation> {
        let distance = self.distance(number);
        match distance {
            0x8000.. => Ok(None),
            _ if usize::from(distance) < CHANNEL_WINDOW_MESSAGES => Ok(Some(self.next + u64::from(distance))),
            _ => Err(Violation),
        }
    }

    /// All of a message is in memory.
    fn complete(
        &mut self,
        number: u64,
        buffer: Buffer,
        compressed: bool,
        window: &mut ReceiveWindow,
        ready: &mut VecDeque<Ready>,
    ) -> Result<(), Violation> {
        if self.is_unordered() {
            ready.push_back(Ready { channel: self.channel, buffer, compressed });
            self.deliver(number, window, ready);
            return Ok(());
        }
        window.hold(buffer.len());
        let before = self.buffered.insert(number, Buffered::Complete(buffer, compressed));
        assert!(before.is_none(), "a message is complete once");
        self.advance(window, ready);
        window.check()
    }

    /// The whole message is there: its pieces are no longer needed.
    fn drop_pieces(&mut self, number: u64, window: &mut ReceiveWindow, pool: &mut MessagePool) {
        if let Some(Buffered::Partial(message)) = self.buffered.remove(&number) {
            window.close(&message);
            pool.give_back(message.into_parts().0);
        }
    }

    /// Message `number` goes to the driver.
    fn deliver(&mut self, number: u64, window: &mut ReceiveWindow, ready: &mut VecDeque<Ready>) {
        assert!(number >= self.next && number - self.next < CHANNEL_WINDOW_MESSAGES as u64, "inside the window");
        if number == self.next {
            self.next += 1;
            return self.advance(window, ready);
        }
        assert!(self.is_unordered(), "ordered messages are delivered in order");
        self.delivered_ahead.get_or_insert_with(|| Box::new(DeliveredAhead::new())).insert(number);
    }

    /// Moves the window behind everything that is delivered, and delivers what the missing message held up.
    fn advance(&mut self, window: &mut ReceiveWindow, ready: &mut VecDeque<Ready>) {
        if let Some(ahead) = &mut self.delivered_ahead {
            while ahead.remove(self.next) {
                self.next += 1;
            }
        }
        while let Some(first) = self.buffered.first_entry()
            && *first.key() == self.next
            && matches!(first.get(), Buffered::Complete(..))
        {
            if let Buffered::Complete(buffer, compressed) = first.remove() {
                window.unhold(buffer.len());
                ready.push_back(Ready { channel: self.channel, buffer, compressed });
            }
            self.next += 1;
        }
        assert!(self.buffered.len() <= CHANNEL_WINDOW_MESSAGES, "the channel's window bounds what is buffered");
        debug_assert!(self.buffered.keys().all(|&number| number >= self.next), "nothing delivered is buffered");
    }

    /// How far a number is above the next one. 0x8000 and more: delivered already.
    pub(super) fn distance(&self, number: u16) -> u16 {
        number.wrapping_sub(self.next as u16)
    }

    /// Whether pieces of this message are there.
    pub(super) fn has_begun(&self, number: u16) -> bool {
        matches!(self.buffered.get(&(self.next + u64::from(self.distance(number)))), Some(Buffered::Partial(_)))
    }

    /// Since when the next message has made no progress although others are buffered. None if none are.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        (!self.buffered.is_empty()).then_some(self.progressed_at)
    }

    /// Appends the channel for another server.
    pub(super) fn write_transfer(&self, to: &mut Vec<u8>) {
        to.push(self.channel.index() as u8);
        to.extend_from_slice(&self.next.to_le_bytes());
        to.push(self.delivered_ahead.is_some().into());
        if let Some(ahead) = &self.delivered_ahead {
            ahead.bits.iter().for_each(|word| to.extend_from_slice(&word.to_le_bytes()));
        }
        to.extend_from_slice(&(self.buffered.len() as u32).to_le_bytes());
        for (number, buffered) in &self.buffered {
            to.extend_from_slice(&((number - self.next) as u16).to_le_bytes());
            match buffered {
                Buffered::Partial(message) => {
                    to.push(1);
                    message.write_transfer(to);
                }
                Buffered::Complete(buffer, compressed) => {
                    to.extend_from_slice(&[0, u8::from(*compressed)]);
                    to.extend_from_slice(&(buffer.len() as u32).to_le_bytes());
                    to.extend_from_slice(buffer.bytes());
                }
            }
        }
    }

    /// Reads what [`Self::write_transfer`] wrote behind the channel's number.
    pub(super) fn read_transfer(
        &mut self,
        now: Instant,
        reader: &mut Reader<'_>,
        window: &mut ReceiveWindow,
        pool: &mut MessagePool,
    ) -> Result<(), TransferError> {
        self.next = reader.u64()?;
        Reader::check(self.next < u64::MAX / 2)?;
        if reader.u8()? != 0 {
            let mut ahead = Box::new(DeliveredAhead::new());
            for word in &mut ahead.bits {
                *word = reader.u64()?;
            }
            Reader::check(self.is_unordered() && !ahead.contains(self.next))?;
            self.delivered_ahead = Some(ahead);
        }
        for _ in 0..reader.u32()? {
            let number = self.next + u64::from(reader.u16()?);
            Reader::check(number - self.next < CHANNEL_WINDOW_MESSAGES as u64)?;
            Reader::check(self.buffered.last_key_value().is_none_or(|(&last, _)| last < number))?;
            Reader::check(!self.is_complete(number))?;
            let buffered = match reader.u8()? {
                0 => {
                    let (compressed, len) = (reader.u8()? != 0, reader.len()?);
                    Reader::check(!self.is_unordered() && number != self.next)?;
                    window.hold(len);
                    Buffered::Complete(reader.buffer(len, pool)?, compressed)
                }
                _ => {
                    let message = Box::new(Reassembly::read_transfer(now, reader, pool)?);
                    let opened = window.open(message.len());
                    // First in its place, so that its memory is given back if something is wrong.
                    self.buffered.insert(number, Buffered::Partial(message));
                    opened.map_err(|Violation| TransferError::Malformed)?;
                    continue;
                }
            };
            self.buffered.insert(number, buffered);
        }
        window.check().map_err(|Violation| TransferError::Malformed)
    }

    /// Gives all memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for buffered in std::mem::take(&mut self.buffered).into_values() {
            match buffered {
                Buffered::Partial(message) => pool.give_back(message.into_parts().0),
                Buffered::Complete(buffer, _) => pool.give_back(buffer),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows::message_cost;
    use super::*;
    use crate::crypto::Csprng;
    use crate::limits::RELIABLE_WINDOW_BYTES;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    struct Fixture {
        channel: ReceiveChannel,
        window: ReceiveWindow,
        ready: VecDeque<Ready>,
        pool: MessagePool,
        delivered: Vec<Vec<u8>>,
    }

    impl Fixture {
        fn new(channel: Channel) -> Self {
            Fixture {
                channel: ReceiveChannel::new(Instant::ZERO, channel),
                window: ReceiveWindow::default(),
                ready: VecDeque::new(),
                pool: MessagePool::new(0),
                delivered: Vec::new(),
            }
        }

        fn message(&mut self, number: u16, bytes: &[u8]) -> Result<Disposition, Violation> {
            let Fixture { channel, window, ready, pool, .. } = self;
            let disposition =
                channel.message(Instant::ZERO, number, bytes, false, ready.is_empty(), window, ready, pool)?;
            if disposition == Disposition::InPlace {
                self.delivered.push(bytes.to_vec());
            }
            self.drain();
            Ok(disposition)
        }

        fn piece(&mut self, number: u16, offset: usize, total: usize, bytes: &[u8]) -> Result<bool, Violation> {
            let Fixture { channel, window, ready, pool, .. } = self;
            let fragment = Fragment { channel: channel.channel, number, offset, total, compressed: false, bytes };
            let useful = channel.fragment(Instant::ZERO, &fragment, window, ready, pool)?;
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
    fn ordered_messages_are_delivered_once_and_in_order_however_they_arrive() {
        for seed in 0..50 {
            let mut random = Csprng::seed_from_u64(seed);
            let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
            // Numbers wrap within the run.
            fixture.channel.next = 0xFFF0;
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
            assert_eq!((fixture.pool.lent_bytes(), fixture.window.sums()), (0, (0, 0, 0)));
        }
    }

    #[test]
    fn unordered_messages_are_delivered_at_once_and_once() {
        let mut fixture = Fixture::new(Channel::RELIABLE_UNORDERED);
        for number in [3, 1, 3, 0, 2, 1, 4, 0] {
            fixture.message(number, &[number as u8]).unwrap();
        }
        assert_eq!(fixture.delivered, [[3], [1], [0], [2], [4]]);
        assert_eq!((fixture.channel.next, fixture.channel.buffered.len()), (5, 0));
    }

    #[test]
    fn a_peer_that_sends_beyond_its_windows_is_detected() {
        let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
        assert_eq!(fixture.message(CHANNEL_WINDOW_MESSAGES as u16, b"far"), Err(Violation));
        for number in 0..4 {
            assert_eq!(fixture.piece(number, 0, 65_536, &[1; 128]), Ok(true));
        }
        assert_eq!(fixture.piece(4, 0, 65_536, &[1; 128]), Err(Violation));
        let mut fixture = Fixture::new(Channel::RELIABLE_ORDERED);
        let held = (1..4000).map(|number| fixture.message(number, &[0; 1000])).take_while(Result::is_ok).count();
        assert_eq!(held, RELIABLE_WINDOW_BYTES / message_cost(1000));
        fixture.channel.release(&mut fixture.pool);
        assert_eq!(fixture.pool.lent_bytes(), 0);
    }
}
