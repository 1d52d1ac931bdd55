//! The buffer against a plain model of it, and each of its promises by itself.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

ringshard_world::wire! {
    pub struct Steer { pub turn: u16 }
}

fn timed(turn: u16) -> TimedInput<Steer> {
    TimedInput { input: Steer { turn }, view_delay: turn }
}

fn buffer(now: u32) -> InputBuffer<Steer> {
    InputBuffer::new(Steer::default(), now)
}

/// What the buffer must do, with ticks that do not wrap.
#[derive(Default)]
struct Model {
    now: u64,
    waiting: BTreeMap<u64, u16>,
    arrived: BTreeSet<u64>,
    /// The tick of the last input that was there in time.
    in_time: Option<u64>,
    last: Option<(u64, u16)>,
    newest: Option<u64>,
}

impl Model {
    fn offer(&mut self, tick: u64, turn: u16) -> Offer {
        self.newest = Some(tick);
        if tick > self.now + 32 {
            return Offer::Early;
        }
        if tick + 64 <= self.now {
            return Offer::Late;
        }
        if !self.arrived.insert(tick) {
            return Offer::Copy;
        }
        if tick <= self.now {
            self.last = self.last.max(Some((tick, turn)));
            return Offer::Late;
        }
        self.waiting.insert(tick, turn);
        Offer::Waits
    }

    fn take(&mut self) -> Taken<Steer> {
        self.now += 1;
        if let Some(turn) = self.waiting.remove(&self.now) {
            (self.in_time, self.last) = (Some(self.now), Some((self.now, turn)));
        }
        let age = self.in_time.map_or(u64::MAX, |tick| self.now - tick);
        let turn = self.last.filter(|&(tick, _)| self.now - tick <= 15).map_or(0, |(_, turn)| turn);
        let lead = self.newest.map_or(NO_LEAD, |newest| (newest as i64 - self.now as i64).clamp(-127, 127) as i8);
        Taken { input: Steer { turn }, age: age.min(255) as u8, lead }
    }
}

#[test]
fn the_buffer_does_what_a_plain_model_does_also_where_ticks_wrap() {
    for seed in 0..40 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let start = if seed % 2 == 0 { u64::from(u32::MAX) - 300 } else { 1_000 };
        let mut buffer = buffer(start as u32);
        let mut model = Model { now: start, ..Model::default() };
        let busy = 1 + random.next_u32() % 6;
        for step in 0..2_000 {
            if random.next_u32() % busy == 0 {
                let tick = (model.now + 45).saturating_sub(u64::from(random.next_u32() % 120));
                let turn = random.next_u32() as u16;
                assert_eq!(
                    buffer.offer(tick as u32, timed(turn), None),
                    model.offer(tick, turn),
                    "{seed} {step} {tick}"
                );
            }
            if random.next_u32().is_multiple_of(3) {
                assert_eq!(buffer.take((model.now + 1) as u32), model.take(), "seed {seed}, step {step}");
            }
        }
    }
}

#[test]
fn every_input_is_taken_once_in_order_however_often_it_comes() {
    let mut buffer = buffer(0);
    for tick in 1..=100_u32 {
        for copy in tick.saturating_sub(3).max(1)..=tick + 2 {
            buffer.offer(copy, timed(copy as u16), None);
        }
        assert_eq!(buffer.take(tick), Taken { input: Steer { turn: tick as u16 }, age: 0, lead: 2 });
    }
}

#[test]
fn a_missing_input_repeats_the_last_for_a_quarter_of_a_second_and_is_then_neutral() {
    let mut buffer = buffer(0);
    buffer.offer(1, timed(7), None);
    let turns: Vec<_> = (1..=20).map(|tick| buffer.take(tick).input.turn).collect();
    assert_eq!(turns, [[7; 16].as_slice(), &[0; 4]].concat());
}

#[test]
fn a_late_input_is_repeated_instead_of_an_older_one() {
    let mut buffer = buffer(0);
    buffer.offer(1, timed(7), None);
    (1..=4).for_each(|tick| _ = buffer.take(tick));
    assert_eq!(buffer.offer(3, timed(9), None), Offer::Late);
    assert_eq!(buffer.offer(2, timed(8), None), Offer::Late);
    assert_eq!(buffer.take(5), Taken { input: Steer { turn: 9 }, age: 4, lead: -3 });
    let turns: Vec<_> = (6..=20).map(|tick| buffer.take(tick).input.turn).collect();
    assert_eq!(turns, [[9; 13].as_slice(), &[0; 2]].concat(), "it counts from its own tick");
}

#[test]
fn more_inputs_than_ticks_gain_nothing() {
    let mut buffer = buffer(0);
    let taken = (1..=1_000).filter(|&tick| buffer.offer(tick, timed(1), None) == Offer::Waits).count();
    assert_eq!(taken, INPUT_AHEAD_MAX as usize);
}

#[test]
fn an_input_keeps_what_its_player_saw() {
    let mut buffer = buffer(0);
    buffer.offer(1, timed(5), Some(77));
    buffer.offer(1, timed(9), Some(99));
    buffer.take(1);
    assert_eq!(buffer.view(), Some(View { tick: 1, delay: 5, acknowledged: Some(77) }));
    buffer.take(2);
    assert_eq!(buffer.view().map(|view| view.tick), Some(1));
}
