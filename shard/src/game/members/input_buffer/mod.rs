//! The inputs of one player that wait for their ticks (PROTOCOL.md#input).
//!
//! The server takes exactly one input per tick, in the order of ticks. So a client that sends more inputs gains nothing.

use super::input_budget::InputBudget;
use ringshard_world::Fields;
use ringshard_world::limits::{INPUT_AHEAD_MAX, INPUT_REPEAT_TICKS};
use ringshard_world::messages::{NO_LEAD, TimedInput};
use std::mem::offset_of;
use std::ops::Range;

/// Inputs that can wait.
const ROOM: usize = INPUT_AHEAD_MAX as usize;

const _: () = assert!(ROOM.is_power_of_two(), "ticks wrap, and index the waiting inputs");

/// What becomes of an input that arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// It waits for its tick.
    Waits,
    /// A copy: it waits or was taken already, or was late before.
    Copy,
    /// Its tick has passed.
    Late,
    /// Its tick is more than [`INPUT_AHEAD_MAX`] ahead.
    Early,
}

/// An input with what the server knew when it arrived.
#[derive(Clone, Copy, Debug)]
struct Waiting<I> {
    tick: u32,
    input: TimedInput<I>,
    acknowledged: Option<u16>,
}

/// What a player saw when it made an input.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View {
    /// The tick of the input.
    pub tick: u32,
    /// How many ticks before that tick the other entities were shown, in 256ths of a tick: the client's word.
    pub delay: u16,
    /// Number of the newest snapshot that the client had acknowledged when the input arrived.
    pub acknowledged: Option<u16>,
}

/// The input of a tick.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Taken<I> {
    /// The input: the client's, the last one again, or a neutral one.
    pub input: I,
    /// Ticks since an input was there in time; 0 if it is the client's for this tick, 255 for more.
    pub age: u8,
    /// How many ticks the input that arrived last is ahead; less than 0 if it was late.
    pub lead: i8,
}

/// The inputs of one player, in fixed memory.
#[derive(Debug)]
#[repr(C)]
pub struct InputBuffer<I> {
    /// Which inputs of the last 64 ticks have arrived, whether in time or late: bit 0 for `now`.
    arrived: u64,
    /// The tick of the last [`Self::take`].
    now: u32,
    /// Ticks since an input was there in time, saturating.
    age: u32,
    /// The tick of the input that arrived last, whatever became of it: so a client whose clock is wrong learns how much.
    newest: Option<u32>,
    pub(crate) budget: InputBudget,
    /// The tick of `last`.
    last_tick: Option<u32>,
    view: Option<View>,
    neutral: I,
    /// The newest input that was there in time or came late. It is repeated when one is missing.
    last: I,
    waiting: [Option<Waiting<I>>; ROOM],
}

impl<I: Fields> InputBuffer<I> {
    /// So many bytes come before the inputs that wait.
    pub(crate) const FRONT: usize = offset_of!(InputBuffer<I>, waiting);

    /// No inputs; the last tick was `now`.
    pub fn new(neutral: I, now: u32) -> Self {
        InputBuffer {
            waiting: [None; ROOM],
            neutral,
            last: neutral,
            last_tick: None,
            view: None,
            age: u32::MAX,
            now,
            arrived: 0,
            newest: None,
            budget: InputBudget::default(),
        }
    }

    /// Takes in an input for `tick`. The inputs of a message come oldest first. `acknowledged` is the number of the newest snapshot that the client says it has.
    pub fn offer(&mut self, tick: u32, input: TimedInput<I>, acknowledged: Option<u16>) -> Offer {
        self.newest = Some(tick);
        let ahead = tick.wrapping_sub(self.now) as i32;
        if ahead > INPUT_AHEAD_MAX as i32 {
            return Offer::Early;
        }
        if ahead <= 0 {
            let bit = 1_u64.checked_shl(ahead.unsigned_abs()).unwrap_or(0);
            let is_known = self.arrived & bit != 0;
            self.arrived |= bit;
            if bit != 0 && !is_known && self.last_tick.is_none_or(|last| (tick.wrapping_sub(last) as i32) > 0) {
                (self.last, self.last_tick) = (input.input, Some(tick));
            }
            return if is_known { Offer::Copy } else { Offer::Late };
        }
        let waiting = &mut self.waiting[tick as usize % ROOM];
        if waiting.is_some_and(|waiting| waiting.tick == tick) {
            return Offer::Copy;
        }
        assert!(waiting.is_none(), "inputs of passed ticks do not wait");
        *waiting = Some(Waiting { tick, input, acknowledged });
        Offer::Waits
    }

    /// The bytes in which the input for `tick` waits.
    #[inline]
    pub(crate) fn place(tick: u32) -> Range<usize> {
        let start = Self::FRONT + tick as usize % ROOM * size_of::<Option<Waiting<I>>>();
        start..start + size_of::<Option<Waiting<I>>>()
    }

    /// The input for `tick`, which is one more than at the last call.
    pub fn take(&mut self, tick: u32) -> Taken<I> {
        assert_eq!(tick, self.now.wrapping_add(1), "ticks follow each other");
        self.now = tick;
        self.arrived <<= 1;
        let lead = match self.newest {
            Some(newest) => (newest.wrapping_sub(tick) as i32).clamp(-127, 127) as i8,
            None => NO_LEAD,
        };
        if let Some(waiting) = self.waiting[tick as usize % ROOM].take() {
            assert_eq!(waiting.tick, tick, "an input waits in the place of its tick");
            self.arrived |= 1;
            self.age = 0;
            (self.last, self.last_tick) = (waiting.input.input, Some(tick));
            let (delay, acknowledged) = (waiting.input.view_delay, waiting.acknowledged);
            self.view = Some(View { tick, delay, acknowledged });
            return Taken { input: self.last, age: 0, lead };
        }
        self.age = self.age.saturating_add(1);
        let is_fresh = self.last_tick.is_some_and(|last| tick.wrapping_sub(last) <= INPUT_REPEAT_TICKS);
        let input = if is_fresh { self.last } else { self.neutral };
        Taken { input, age: self.age.min(255) as u8, lead }
    }

    /// What the player saw when it made its last input that was there in time.
    pub fn view(&self) -> Option<View> {
        self.view
    }
}

#[cfg(test)]
mod tests;
