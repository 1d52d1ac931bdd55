//! The ticks of a match as a client knows them: inputs, and the states between the last settled tick and the present one.

use crate::digest::Encoder;
use crate::ticks::HISTORY;
use crate::together::{Inputs, Together};

/// What is known of the inputs of one tick.
#[derive(Clone, Copy)]
struct Slot<I> {
    tick: u64,
    /// The server has said what the inputs were.
    is_known: bool,
    known: Inputs<I>,
    /// The input that this client has made.
    made: Option<I>,
    /// The inputs of the last step of this tick.
    used: Inputs<I>,
}

/// What [`Timeline::run_to`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Run {
    /// Ticks that were stepped for the first time.
    pub(super) stepped: u64,
    /// Ticks that were stepped again.
    pub(super) again: u64,
    /// The prediction would go too far ahead, so not all ticks were stepped.
    pub(super) is_stalled: bool,
}

/// Inputs and states, in fixed memory.
///
/// `settled <= present`, and `settled <= confirmed`. A settled tick was stepped with inputs that are known, and is never
/// stepped again.
pub(super) struct Timeline<T: Together> {
    slots: Box<[Slot<T::Input>]>,
    /// States after the ticks from `settled` to `present`.
    states: Box<[T::State]>,
    pub(super) confirmed: u64,
    pub(super) settled: u64,
    pub(super) present: u64,
    /// The first tick that was stepped with wrong inputs.
    wrong_from: Option<u64>,
    seat: usize,
    prediction_max: u64,
    check_every: u64,
    encoder: Encoder,
    /// The newest checked tick, and the digest of the state after it.
    pub(super) check: Option<(u64, u32)>,
}

impl<T: Together> Timeline<T> {
    /// Begins after `tick` with a state. `base` are neutral inputs and the seats that are present.
    pub(super) fn new(
        tick: u64,
        state: T::State,
        base: Inputs<T::Input>,
        seat: usize,
        prediction_max: u8,
        check_every: u8,
    ) -> Self {
        let slot = Slot { tick, is_known: true, known: base, made: None, used: base };
        Timeline {
            slots: vec![slot; HISTORY].into(),
            states: vec![state; usize::from(prediction_max) + 1].into(),
            confirmed: tick,
            settled: tick,
            present: tick,
            wrong_from: None,
            seat,
            prediction_max: u64::from(prediction_max),
            check_every: u64::from(check_every),
            encoder: Encoder::new::<T::State>(),
            check: None,
        }
    }

    /// Goes on from a state of the same match. Inputs after it that are known already stay known.
    pub(super) fn go_on_from(&mut self, tick: u64, state: T::State, base: Inputs<T::Input>) {
        *self.slot_mut(tick) = Slot { tick, is_known: true, known: base, made: None, used: base };
        (self.confirmed, self.settled, self.present) = (tick, tick, tick);
        (self.wrong_from, self.check) = (None, None);
        *self.state_mut(tick) = state;
        self.confirm();
    }

    /// The state after the present tick.
    pub(super) fn state(&self) -> &T::State {
        &self.states[self.place(self.present)]
    }

    /// The state after the last settled tick.
    pub(super) fn settled_state(&self) -> &T::State {
        &self.states[self.place(self.settled)]
    }

    /// The inputs with which the present tick was stepped.
    pub(super) fn inputs(&self) -> &Inputs<T::Input> {
        &self.slots[self.present as usize % HISTORY].used
    }

    fn place(&self, tick: u64) -> usize {
        (tick % self.states.len() as u64) as usize
    }

    fn state_mut(&mut self, tick: u64) -> &mut T::State {
        let place = self.place(tick);
        &mut self.states[place]
    }

    /// The slot of a tick; None if there is nothing of it.
    fn slot(&self, tick: u64) -> Option<&Slot<T::Input>> {
        Some(&self.slots[tick as usize % HISTORY]).filter(|slot| slot.tick == tick)
    }

    /// The slot of a tick that is not forgotten. It forgets the tick that had it before.
    fn slot_mut(&mut self, tick: u64) -> &mut Slot<T::Input> {
        let slot = &mut self.slots[tick as usize % HISTORY];
        if slot.tick != tick {
            *slot = Slot { tick, is_known: false, made: None, ..*slot };
        }
        slot
    }

    /// Whether something may be noted of the tick: it is after the settled one, which is kept.
    fn is_open(&self, tick: u64) -> bool {
        tick > self.settled && tick - self.settled < HISTORY as u64
    }

    /// This client has made an input. One for a tick that was stepped comes too late.
    pub(super) fn make(&mut self, tick: u64, input: T::Input) {
        if tick > self.present && self.is_open(tick) {
            self.slot_mut(tick).made = Some(input);
        }
    }

    /// The server says what the inputs of a tick were. Gives whether that is new.
    pub(super) fn know(&mut self, tick: u64, inputs: &Inputs<T::Input>) -> bool {
        if tick <= self.confirmed || !self.is_open(tick) {
            return false;
        }
        let present = self.present;
        let slot = self.slot_mut(tick);
        if slot.is_known {
            return false;
        }
        (slot.is_known, slot.known) = (true, *inputs);
        if tick <= present && slot.used != *inputs {
            self.wrong_from = Some(self.wrong_from.map_or(tick, |from| from.min(tick)));
        }
        self.confirm();
        true
    }

    fn confirm(&mut self) {
        while self.slot(self.confirmed + 1).is_some_and(|slot| slot.is_known) {
            self.confirmed += 1;
        }
    }

    /// Whether the server took another input of this client than the one that was stepped.
    pub(super) fn is_replaced(&self, tick: u64, inputs: &Inputs<T::Input>) -> bool {
        let made = self.slot(tick).and_then(|slot| slot.made);
        tick > self.settled && made.is_some_and(|made| made != *inputs.of(self.seat))
    }

    /// Steps wrong ticks again, and then ahead to `tick`.
    pub(super) fn run_to(&mut self, rules: &T, tick: u64) -> Run {
        self.settle();
        let mut run = Run::default();
        if let Some(from) = self.wrong_from {
            assert!(self.settled < from && from <= self.present, "a wrong tick was stepped and is not settled");
            run.again = self.present + 1 - from;
            for tick in from..=self.present {
                // The ticks after it are still wrong, and must not settle.
                self.wrong_from = Some(tick + 1);
                self.step(rules, tick);
            }
            self.wrong_from = None;
        }
        while self.present < tick {
            if self.present >= self.confirmed + self.prediction_max {
                run.is_stalled = true;
                break;
            }
            self.present += 1;
            run.stepped += 1;
            self.step(rules, self.present);
        }
        run
    }

    fn step(&mut self, rules: &T, tick: u64) {
        let inputs = self.inputs_for(tick);
        self.slot_mut(tick).used = inputs;
        let mut state = self.states[self.place(tick - 1)];
        rules.step_together(&mut state, &inputs);
        *self.state_mut(tick) = state;
        self.settle();
    }

    /// The inputs of a tick, if they are known. Otherwise everybody does what it did in the tick before, but this client what
    /// it has made.
    fn inputs_for(&self, tick: u64) -> Inputs<T::Input> {
        let slot = self.slot(tick);
        if let Some(slot) = slot.filter(|slot| slot.is_known) {
            return slot.known;
        }
        let mut inputs = self.slot(tick - 1).expect("the tick before was stepped").used;
        if let Some(made) = slot.and_then(|slot| slot.made) {
            inputs.set(self.seat, made);
        }
        inputs
    }

    /// Settles ticks that were stepped with known inputs.
    fn settle(&mut self) {
        let right = self.wrong_from.map_or(u64::MAX, |from| from - 1);
        let until = self.confirmed.min(self.present).min(right);
        while self.settled < until {
            self.settled += 1;
            // Ticks of 32 bits, because the server counts others above them.
            if u64::from(self.settled as u32).is_multiple_of(self.check_every) {
                let state = &self.states[(self.settled % self.states.len() as u64) as usize];
                self.check = Some((self.settled, self.encoder.digest(state)));
            }
        }
    }
}
