//! The inputs of the last ticks, as the server took them.

use crate::messages::{write_relay, write_turn};
use crate::packet::{PACKET_BYTES_MAX, Packet, RELAY_HEADER_BYTES, TURN_HEADER_BYTES_MAX};
use crate::ticks::HISTORY;
use crate::together::{Inputs, SEATS_MAX};
use ringshard_world::Fields;
use ringshard_world::codec::Writer;
use ringshard_world::limits::INPUT_BYTES_MAX;

/// Bytes of ticks in a packet.
const ROOM: usize = PACKET_BYTES_MAX - RELAY_HEADER_BYTES;

/// The inputs of one tick, and how many bytes they take.
#[derive(Clone, Copy)]
struct Turn<I> {
    inputs: Inputs<I>,
    /// As the first tick of a packet.
    bytes_alone: u16,
    /// After the tick before.
    bytes_after: u16,
}

/// The inputs of the last [`HISTORY`] ticks, in fixed memory.
pub(super) struct History<I> {
    turns: Box<[Turn<I>]>,
    /// The last tick before the first one that is kept, and the newest tick.
    before: u64,
    pub(super) newest: u64,
    /// Neutral inputs with nobody present.
    blank: Inputs<I>,
}

impl<I: Fields> History<I> {
    /// No inputs yet. The first tick is the one after `before`.
    pub(super) fn new(before: u64, blank: Inputs<I>) -> Self {
        let turn = Turn { inputs: blank, bytes_alone: 0, bytes_after: 0 };
        History { turns: vec![turn; HISTORY].into(), before, newest: before, blank }
    }

    /// The inputs of the next tick.
    pub(super) fn push(&mut self, inputs: Inputs<I>) {
        let former = if self.newest == self.before { self.blank } else { self.turn(self.newest).inputs };
        let (bytes_alone, bytes_after) = (bytes_of(&inputs, &self.blank), bytes_of(&inputs, &former));
        self.newest += 1;
        self.before = self.before.max(self.newest - self.newest.min(HISTORY as u64));
        self.turns[self.newest as usize % HISTORY] = Turn { inputs, bytes_alone, bytes_after };
    }

    /// Whether all ticks after this one are kept.
    pub(super) fn reaches(&self, after: u64) -> bool {
        after >= self.before
    }

    fn turn(&self, tick: u64) -> &Turn<I> {
        &self.turns[tick as usize % HISTORY]
    }

    /// The first of the newest ticks that fit one packet, not before `from`.
    pub(super) fn newest_that_fit(&self, from: u64) -> u64 {
        let (mut first, mut after) = (self.newest, 0);
        while first > from {
            after += usize::from(self.turn(first).bytes_after);
            if after + usize::from(self.turn(first - 1).bytes_alone) > ROOM {
                break;
            }
            first -= 1;
        }
        first
    }

    /// The last tick of those from `first` on that fit one packet, not after `until`.
    pub(super) fn oldest_that_fit(&self, first: u64, until: u64) -> u64 {
        let (mut last, mut bytes) = (first, usize::from(self.turn(first).bytes_alone));
        while last < until {
            bytes += usize::from(self.turn(last + 1).bytes_after);
            if bytes > ROOM {
                break;
            }
            last += 1;
        }
        last
    }

    /// A packet with the inputs of these ticks, which must fit.
    pub(super) fn packet(&self, number: u16, first: u64, last: u64) -> Packet {
        assert!(self.before < first && first <= last && last <= self.newest, "the ticks are kept");
        let ticks = (0..(last + 1 - first) as u32).map(|at| &self.turn(first + u64::from(at)).inputs);
        write_relay(number, first as u32, &self.blank, ticks)
    }
}

fn bytes_of<I: Fields>(inputs: &Inputs<I>, before: &Inputs<I>) -> u16 {
    let mut bytes = [0; TURN_HEADER_BYTES_MAX + SEATS_MAX * INPUT_BYTES_MAX];
    let mut writer = Writer::new(&mut bytes);
    write_turn(inputs, before, &mut writer).expect("that is the largest");
    writer.used() as u16
}
