//! Commands and events to and from a neighbour: each is executed at most once, and in order.
//!
//! They are numbered from 1. The neighbour takes only the one that it expects, and states which that is; the others are sent
//! again until it has them. If it falls silent, all that wait are given up: it may have taken some of them.

use super::letter::{LETTER_BYTES_MAX, Letter};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use std::collections::VecDeque;

/// Letters that wait for a neighbour to take them.
pub(super) const WAITING_MAX: usize = 1_024;
/// Room of a message that letters leave to entities.
const ROOM_LEFT: usize = 16 * 1_024;
/// No number is greater: sums do not overflow.
const NUMBER_MAX: u64 = 1 << 62;

/// The letters of one neighbour.
#[derive(Debug)]
pub(super) struct Letters {
    waiting: VecDeque<Letter>,
    /// The number of the first one that waits, or of the next one.
    first: u64,
    /// How many of those that wait are on the way.
    on_the_way: usize,
    sent_at: Instant,
    /// The number of the neighbour's letter that is taken next.
    pub(super) expected: u64,
}

/// The letters of a message.
#[derive(Debug)]
pub(super) struct Received {
    /// The lowest number that the neighbour still has.
    lowest: u64,
    /// The number of the first letter.
    first: u64,
    letters: Vec<Letter>,
}

impl Received {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }
}

impl Letters {
    pub(super) fn new() -> Self {
        Letters { waiting: VecDeque::new(), first: 1, on_the_way: 0, sent_at: Instant::ZERO, expected: 1 }
    }

    /// Sends a letter; false if too many wait.
    pub(super) fn push(&mut self, letter: Letter) -> bool {
        let has_room = self.waiting.len() < WAITING_MAX;
        if has_room {
            self.waiting.push_back(letter);
        }
        has_room
    }

    /// Gives up all that wait, and returns how many. Their numbers are not used again.
    pub(super) fn give_up(&mut self) -> usize {
        let given_up = self.waiting.len();
        self.waiting.clear();
        self.first += given_up as u64;
        self.on_the_way = 0;
        given_up
    }

    /// The neighbour expects this number next. Returns how many letters it has taken since.
    pub(super) fn acknowledge(&mut self, expected: u64) -> usize {
        let taken = expected.saturating_sub(self.first);
        if taken == 0 || taken > self.on_the_way as u64 {
            return 0;
        }
        let taken = taken as usize;
        self.waiting.drain(..taken);
        self.first += taken as u64;
        self.on_the_way -= taken;
        taken
    }

    /// Whether some must be sent now.
    pub(super) fn are_due(&self, now: Instant, resend_after: Duration) -> bool {
        let is_late = self.on_the_way > 0 && now.since(self.sent_at) >= resend_after;
        is_late || self.on_the_way < self.waiting.len()
    }

    /// Writes letters into a message, as many as fit. Returns how many.
    ///
    /// # Errors
    /// [`NoRoom`] when the message has no room for letters at all.
    pub(super) fn write(
        &mut self,
        now: Instant,
        resend_after: Duration,
        writer: &mut Writer<'_>,
    ) -> Result<usize, NoRoom> {
        if self.on_the_way > 0 && now.since(self.sent_at) >= resend_after {
            self.on_the_way = 0;
        }
        let room = writer.room().saturating_sub(ROOM_LEFT) / LETTER_BYTES_MAX;
        let count = (self.waiting.len() - self.on_the_way).min(room);
        writer.varint_u64(self.first)?;
        writer.varint_u64(self.first + self.on_the_way as u64)?;
        writer.varint_u32(count as u32)?;
        for letter in self.waiting.range(self.on_the_way..self.on_the_way + count) {
            letter.write(writer)?;
        }
        if count > 0 {
            self.on_the_way += count;
            self.sent_at = now;
        }
        Ok(count)
    }

    /// Reads the letters of a message.
    ///
    /// # Errors
    /// [`Malformed`] when they are none.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Received, Malformed> {
        let (lowest, first, count) = (reader.varint_u64()?, reader.varint_u64()?, reader.varint_u32()?);
        if lowest > first || first > NUMBER_MAX {
            return Err(Malformed::UnknownValue);
        }
        // It grows with the bytes that are really there.
        let letters = (0..count).map(|_| Letter::read(reader)).collect::<Result<_, _>>()?;
        Ok(Received { lowest, first, letters })
    }

    /// Passes the letters that are next to `deliver`, until it has no room: those come again.
    pub(super) fn take(&mut self, received: &Received, mut deliver: impl FnMut(&Letter) -> Delivered) {
        self.expected = self.expected.max(received.lowest);
        for (number, letter) in (received.first..).zip(&received.letters) {
            if number == self.expected {
                match deliver(letter) {
                    Delivered::Taken => self.expected += 1,
                    Delivered::NoRoom => return,
                }
            }
        }
    }
}

/// What became of a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Delivered {
    /// It is done with.
    Taken,
    /// Its core takes no more at present.
    NoRoom,
}
