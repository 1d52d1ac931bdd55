//! How a client asks.

use super::input::{ActionInput, Aim};
use super::state::ActionState;
use crate::limits::INPUT_REPEAT_TICKS;

/// For how many inputs a client repeats an ask: as long as a server repeats an input. An ask of which no input arrives within
/// this time is lost, and is not executed late.
pub const ASK_TICKS: u32 = INPUT_REPEAT_TICKS;

/// How a client asks: it gives each ask a number, and repeats it in the inputs that follow, in case some are lost.
///
/// For an action on a held key, ask only when [`ActionState::check`] allows it: a server counts asks that it must refuse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asking {
    input: ActionInput,
    /// In how many inputs it was.
    age: u32,
}

impl Asking {
    /// Asks for an action from the next input on. An ask that no input has had yet is replaced. `state` is the predicted
    /// state of the player.
    pub fn ask<const A: usize, const R: usize>(&mut self, state: &ActionState<A, R>, action: u8, aim: Aim) {
        // The state may be ahead of this value, when the program was started again.
        let next = |number: u8| if number == u8::MAX { 1 } else { number + 1 };
        let number = next(self.input.number);
        let number = if number == state.number() { next(number) } else { number };
        *self = Asking { input: ActionInput { number, action, aim }, age: 0 };
    }

    /// The field of the next input. Call it once per input.
    pub fn next_input(&mut self) -> ActionInput {
        if self.age == ASK_TICKS {
            return ActionInput::default();
        }
        self.age += 1;
        self.input
    }

    /// The number of the last ask, to compare with that of [`ActionState::decided`]; 0 if there was none.
    pub fn number(&self) -> u8 {
        self.input.number
    }
}
