//! The player's own state ahead of the server: the client steps it with its own inputs, and compares it with what the
//! server says later.

mod smoothing;

pub use smoothing::{Smoother, Smoothing};

use crate::contract::Rules;
use crate::limits::{INPUT_REPEAT_TICKS, INPUTS_PER_MESSAGE_MAX};
use crate::messages::TimedInput;
use std::collections::VecDeque;

/// Ticks that are kept at most: about two seconds.
pub const PREDICTED_TICKS_MAX: usize = 128;

/// A tick that was stepped.
#[derive(Clone, Copy, Debug)]
struct Step<I, O> {
    input: TimedInput<I>,
    /// The game made this input. Otherwise it repeats one, as the server does.
    made: bool,
    /// The state after it.
    own: O,
}

/// What came of comparing a predicted state with the server's.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reconciled<O> {
    /// The prediction was right.
    Agreed,
    /// It was not. The inputs after it were stepped again, from the server's state.
    Corrected {
        /// The newest state as it was predicted before.
        former: O,
    },
    /// The tick is older than all that is kept: nothing was compared.
    Forgotten,
}

/// The last ticks, with their inputs and states.
pub struct Prediction<R: Rules> {
    /// The last of it is `newest`; ticks follow each other. At most [`PREDICTED_TICKS_MAX`].
    steps: VecDeque<Step<R::Input, R::Own>>,
    newest: u64,
    /// The last input that the game made, and its tick.
    last_made: Option<(u64, R::Input)>,
}

impl<R: Rules> Default for Prediction<R> {
    fn default() -> Self {
        Prediction { steps: VecDeque::new(), newest: 0, last_made: None }
    }
}

impl<R: Rules> Prediction<R> {
    /// Forgets everything. Memory is kept.
    pub fn clear(&mut self) {
        self.steps.clear();
        (self.newest, self.last_made) = (0, None);
    }

    /// The newest state; None before the first.
    pub fn own(&self) -> Option<&R::Own> {
        self.steps.back().map(|step| &step.own)
    }

    /// The state one tick before the newest, if it is kept.
    pub fn own_before(&self) -> Option<&R::Own> {
        self.steps.iter().nth_back(1).map(|step| &step.own)
    }

    /// The state after the step of `tick`, if it is kept.
    pub fn own_at(&self, tick: u64) -> Option<&R::Own> {
        let before = self.newest.checked_sub(tick)? as usize;
        self.steps.len().checked_sub(before + 1).map(|at| &self.steps[at].own)
    }

    /// The tick of the newest state.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Ticks that are kept.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no state yet.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Steps one tick with an input that the game has made. Gives its tick.
    ///
    /// # Panics
    /// Before there is a state.
    pub fn step(&mut self, rules: &R, input: TimedInput<R::Input>) -> u64 {
        self.push(rules, input, true);
        self.last_made = Some((self.newest, input.input));
        self.newest
    }

    /// Steps one tick without an input of the game, as the server does if none arrives.
    ///
    /// # Panics
    /// Before there is a state.
    pub fn skip(&mut self, rules: &R) -> u64 {
        let next = self.newest + 1;
        let repeated = self.last_made.filter(|(tick, _)| next - tick <= u64::from(INPUT_REPEAT_TICKS));
        let input = repeated.map_or_else(|| rules.neutral_input(), |(_, input)| input);
        self.push(rules, TimedInput { input, view_delay: 0 }, false);
        self.newest
    }

    fn push(&mut self, rules: &R, input: TimedInput<R::Input>, made: bool) {
        let mut own = *self.own().expect("there is a state to step");
        rules.step(&mut own, &input.input);
        if self.steps.len() == PREDICTED_TICKS_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back(Step { input, made, own });
        self.newest += 1;
    }

    /// Takes the server's state of `tick`, of which nothing was predicted.
    fn adopt(&mut self, rules: &R, tick: u64, own: R::Own) {
        let input = TimedInput { input: rules.neutral_input(), view_delay: 0 };
        self.steps.clear();
        self.steps.push_back(Step { input, made: false, own });
        self.newest = tick;
    }

    /// Compares the server's state after the step of `tick` with the predicted one, and corrects the prediction if
    /// [`Rules::agrees`] finds them different. What is older is forgotten.
    ///
    /// A state ahead of the prediction is compared, too: the ticks up to it are [skipped](Self::skip).
    pub fn reconcile(&mut self, rules: &R, tick: u64, own: R::Own) -> Reconciled<R::Own> {
        let Some(&former) = self.own() else {
            self.adopt(rules, tick, own);
            return Reconciled::Agreed;
        };
        if tick > self.newest + PREDICTED_TICKS_MAX as u64 {
            self.adopt(rules, tick, own);
            return Reconciled::Corrected { former };
        }
        while self.newest < tick {
            self.skip(rules);
        }
        let after = (self.newest - tick) as usize;
        if after >= self.steps.len() {
            return Reconciled::Forgotten;
        }
        self.steps.drain(..self.steps.len() - 1 - after);
        assert_eq!(self.steps.len(), after + 1, "the compared tick is the oldest one");
        if rules.agrees(&self.steps[0].own, &own) {
            return Reconciled::Agreed;
        }
        let former = *self.own().expect("it has the compared tick");
        self.replay(rules, own);
        Reconciled::Corrected { former }
    }

    /// Steps all inputs after the oldest tick again.
    fn replay(&mut self, rules: &R, mut own: R::Own) {
        self.steps[0].own = own;
        for step in self.steps.iter_mut().skip(1) {
            rules.step(&mut own, &step.input.input);
            step.own = own;
        }
    }

    /// Writes the last inputs that the game made for consecutive ticks to `inputs`, oldest first, at most `most`. Gives how
    /// many; the last one is of the tick [`Self::newest`].
    pub fn last_inputs(&self, most: usize, inputs: &mut [TimedInput<R::Input>; INPUTS_PER_MESSAGE_MAX]) -> usize {
        let most = most.min(inputs.len());
        let count = self.steps.iter().rev().take(most).take_while(|step| step.made).count();
        let last = self.steps.iter().skip(self.steps.len() - count);
        inputs.iter_mut().zip(last).for_each(|(input, step)| *input = step.input);
        count
    }
}
