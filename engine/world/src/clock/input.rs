//! The clock of the own inputs. It runs so far ahead of the server that inputs arrive in time, and no farther.
//!
//! Each snapshot says how far the newest input was ahead when the server took the input of a tick (its *lead*). The clock
//! remembers at which *phase* it sent each input: how far it was ahead of the local time. Phase less lead is the phase at
//! which that input would have arrived just in time. So a lead that is a round trip old tells exactly how to correct the
//! phase of now, and the loop does not swing.

use super::peak::Peak;
use super::spread::Spread;
use super::{ticks_in, ticks_since, time_of};
use crate::limits::INPUTS_PER_MESSAGE_MAX;
use crate::messages::NO_LEAD;
use ringshard_protocol::time::{Duration, Instant};

/// The clock runs at most so much faster or slower than time.
pub const INPUT_RATE_MAX: f64 = 0.02;
/// A larger error is not steered away: the clock leaps, or waits.
const LEAP_TICKS: f64 = 8.0;
/// In about so many ticks, the clock corrects its error.
const STEERING_TICKS: f64 = 64.0;
/// A lead of 0 is just in time; this is the margin that is always added.
const MARGIN: f64 = 1.0;
/// A lead is a whole number of ticks: the input arrived between nothing and a tick earlier than it says, on average this much.
const LEAD_ROUNDING: f64 = 0.5;
/// The margin grows by so many mean deviations of the leads, beyond the deviation that rounding alone may cause.
const DEVIATIONS: f64 = 2.0;
const DEVIATION_OF_ROUNDING: f64 = 0.5;
/// What a missed input adds to the margin, and what a tick takes away again. Their ratio is the share of inputs that are
/// missed in the long run: 1 of 2,000.
const STARVATION_STEP: f64 = 0.5;
const STARVATION_DECAY: f64 = STARVATION_STEP / 2_000.0;
/// What is known of a path before there are leads.
const STARVATION_FIRST: f64 = 1.0;
const STARVATION_MAX: f64 = 6.0;
/// A missed input adds so many steps if the margin was decreased quickly before.
const STARVATION_STEPS_BACK: f64 = 2.0;
/// What a tick takes away of a margin that was larger than needed: a tick per second.
const EXCESS_DECAY: f64 = 1.0 / 60.0;
/// After so many missed inputs in a row the clock leaps ahead.
const MISSED_IN_A_ROW: u32 = 6;
/// Inputs whose sending is remembered.
const SENT_KEPT: usize = 128;
/// The first guess believes a round trip of at most so many ticks.
const ROUND_TRIP_MAX: f64 = 90.0;
/// After so many ticks of reports that say nothing of the path, the clock starts anew.
const USELESS_TICKS_MAX: f64 = 60.0;
/// A frame counts as at most so many ticks.
const FRAME_TICKS_MAX: f64 = 12.0;
/// An input that was the newest one for longer than so many usual frames says nothing of the path: the game
/// had stalled.
const REGULAR_FRAMES: f64 = 1.5;

#[derive(Clone, Copy, Debug)]
struct Sent {
    tick: u64,
    phase: f64,
    at: Instant,
}

/// The clock of the own inputs.
#[derive(Clone, Debug)]
pub struct InputClock {
    /// The zero of the phase.
    start: Instant,
    now: Instant,
    tick: f64,
    rate: f64,
    /// The phase at which inputs arrive just in time.
    just_in_time: Spread,
    starvation: f64,
    /// The margin that would have been needed lately.
    needed: Peak,
    /// The margin was decreased because it was larger than needed, since the last miss.
    was_eager: bool,
    /// Missed inputs up to this tick are the consequence of one that was counted.
    counted_until: u64,
    missed_in_a_row: u32,
    /// Since when reports say nothing of the path.
    useless_since: Option<Instant>,
    /// Ticks from one frame with inputs to the next.
    frame: f64,
    made_at: Instant,
    round_trip: f64,
    sent: [Sent; SENT_KEPT],
    leaps: u64,
}

impl InputClock {
    /// Starts the clock by a first guess: a snapshot of `tick` has just arrived.
    pub fn start(now: Instant, tick: u64, round_trip: Duration) -> Self {
        let round_trip = ticks_in(round_trip).min(ROUND_TRIP_MAX);
        InputClock {
            start: now,
            now,
            tick: tick as f64 + round_trip + MARGIN + STARVATION_FIRST,
            rate: 0.0,
            just_in_time: Spread::default(),
            starvation: STARVATION_FIRST,
            needed: Peak::default(),
            was_eager: false,
            counted_until: tick,
            missed_in_a_row: 0,
            useless_since: None,
            frame: 1.0,
            made_at: now,
            round_trip,
            sent: [Sent { tick: u64::MAX, phase: 0.0, at: now }; SENT_KEPT],
            leaps: 0,
        }
    }

    /// The tick for which an input is due now.
    pub fn tick(&self) -> u64 {
        self.tick as u64
    }

    /// The same with its fraction.
    pub fn ticks(&self) -> f64 {
        self.tick
    }

    /// How much faster than time the clock runs: within [`INPUT_RATE_MAX`] of 0.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// How often the clock was set, because steering would have taken too long.
    pub fn leaps(&self) -> u64 {
        self.leaps
    }

    /// How many ticks ahead of the tick that the server takes the newest input shall be.
    pub fn margin(&self) -> f64 {
        self.least_margin() + self.starvation
    }

    /// The margin of a path on which no input is missed.
    fn least_margin(&self) -> f64 {
        MARGIN + DEVIATIONS * (self.just_in_time.deviation() - DEVIATION_OF_ROUNDING).max(0.0)
    }

    /// How many of the last inputs a message shall repeat: those that can still arrive in time if messages before were lost.
    pub fn inputs_per_message(&self) -> usize {
        (self.margin().ceil() as usize + 2).clamp(3, INPUTS_PER_MESSAGE_MAX)
    }

    /// When the next tick is due, if time passes.
    pub fn next_tick_at(&self) -> Instant {
        let missing = (self.tick.floor() + 1.0 - self.tick) / (1.0 + self.rate);
        // A little more, so that rounding of large ticks does not make the caller return too early for ever.
        self.now + time_of(missing) + Duration::from_micros(1)
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Instant) {
        let passed = ticks_since(self.now, now);
        self.now = self.now.max(now);
        self.tick += passed * (1.0 + self.rate);
        self.starvation = (self.starvation - passed * STARVATION_DECAY).max(0.0);
        self.drop_excess(passed);
        self.steer();
    }

    /// Decreases the margin if a smaller one would have been enough lately.
    fn drop_excess(&mut self, passed: f64) {
        let Some(needed) = self.needed.held() else { return };
        let excess = (self.margin() - needed - MARGIN).min(self.starvation);
        if excess > 0.0 {
            self.starvation -= excess.min(passed * EXCESS_DECAY);
            self.was_eager = true;
        }
    }

    fn phase(&self) -> f64 {
        self.tick - ticks_since(self.start, self.now)
    }

    fn steer(&mut self) {
        let Some(just_in_time) = self.just_in_time.mean() else { return };
        let error = just_in_time + self.margin() - self.phase();
        let starves = self.missed_in_a_row >= MISSED_IN_A_ROW && error > 0.5;
        if starves || error.abs() > LEAP_TICKS {
            self.tick = (self.tick + error).max(0.0);
            (self.rate, self.missed_in_a_row) = (0.0, 0);
            self.leaps += 1;
        } else {
            self.rate = (error / STEERING_TICKS).clamp(-INPUT_RATE_MAX, INPUT_RATE_MAX);
        }
    }

    /// The input of `tick` was made, and is sent now.
    pub fn made(&mut self, tick: u64) {
        if self.made_at < self.now {
            let frame = ticks_since(self.made_at, self.now).clamp(1.0, FRAME_TICKS_MAX);
            self.frame += (frame - self.frame) / 16.0;
            self.made_at = self.now;
        }
        self.sent[tick as usize % SENT_KEPT] = Sent { tick, phase: self.phase(), at: self.now };
    }

    /// A snapshot of `tick` says that the newest input was ahead by `lead`, and whether the tick's own input was missed.
    pub fn report(&mut self, now: Instant, tick: u64, lead: i8, missed: bool, round_trip: Duration) {
        self.round_trip = ticks_in(round_trip);
        let newest = tick.checked_add_signed(lead.into()).filter(|_| lead != NO_LEAD);
        let Some(sent) = newest.and_then(|newest| self.regular(now, newest)) else {
            return self.note_useless(now, tick);
        };
        self.useless_since = None;
        let just_in_time = sent.phase - f64::from(lead) - LEAD_ROUNDING;
        self.just_in_time.note(just_in_time);
        let mean = self.just_in_time.mean().expect("it has a sample");
        self.needed.note(tick, just_in_time - mean);
        if !missed {
            self.missed_in_a_row = 0;
            return;
        }
        self.missed_in_a_row += 1;
        if tick > self.counted_until {
            // What was taken away too early comes back at once.
            let steps = if std::mem::take(&mut self.was_eager) { STARVATION_STEPS_BACK } else { 1.0 };
            if steps > 1.0 {
                self.needed.hold_longer();
            }
            self.starvation = (self.starvation + steps * STARVATION_STEP).min(STARVATION_MAX);
            self.counted_until = tick + self.round_trip as u64;
        }
    }

    /// No input arrives, perhaps because the server refuses inputs that are too far ahead: guesses again.
    fn note_useless(&mut self, now: Instant, tick: u64) {
        let since = *self.useless_since.get_or_insert(now);
        if ticks_since(since, now) >= USELESS_TICKS_MAX {
            self.just_in_time = Spread::default();
            (self.now, self.tick) = (now, tick as f64 + self.round_trip + self.margin());
            (self.rate, self.useless_since, self.missed_in_a_row) = (0.0, None, 0);
            self.leaps += 1;
        }
    }

    fn sent(&self, tick: u64) -> Option<Sent> {
        Some(self.sent[tick as usize % SENT_KEPT]).filter(|sent| sent.tick == tick)
    }

    /// When an input was sent, if the next one followed in its turn.
    fn regular(&self, now: Instant, tick: u64) -> Option<Sent> {
        let sent = self.sent(tick)?;
        let next = self.sent(tick + 1).map_or(now, |next| next.at);
        (ticks_since(sent.at, next) <= REGULAR_FRAMES * self.frame + 1.5).then_some(sent)
    }
}
