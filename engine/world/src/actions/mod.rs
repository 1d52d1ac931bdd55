//! Actions of players: what they cost, when they are ready, and what became of each. Both ends run the same step, so a client
//! predicts its player's actions.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `table` | [`Action`]: a row of the game's table of actions | `input` |
//! | `input` | [`ActionInput`]: what a player asks for, as a field of its input; [`Acted`]: what others learn of it | |
//! | `state` | [`ActionState`]: cooldowns, resources and the cast under way, as a field of the player's own state | `input`, `table` |
//! | `asking` | [`Asking`]: how a client asks | `input`, `state` |
//! | `encoding` | the bytes of a state (PROTOCOL.md#actions) | `state` |
//!
//! An ask travels in the input of a tick, so it has a tick, is predicted, and arrives with the input. It has a number. The
//! state remembers the number that it saw last, and an input that repeats it asks nothing. So an ask is executed at most
//! once, however often its input is repeated.
//!
//! What only the server knows (range, line of sight, targets) it checks after the step, with `ringshard::game::actions`. If it
//! refuses, it takes the action back with [`ActionState::refuse`], and the client is corrected.
//!
//! ```
//! use ringshard_world::actions::{Action, ActionInput, ActionState, Aim, Asking, Outcome, Target, Verdict};
//! use ringshard_world::Refusal;
//!
//! const MANA: usize = 0;
//! const STUNNED: u32 = 1;
//!
//! const FIREBALL: u8 = 0;
//! const ACTIONS: [Action; 1] = [Action {
//!     target: Target::Entity,
//!     cooldown: 90,
//!     cost: &[(MANA, 40)],
//!     range: 2_000.0,
//!     forbids: STUNNED,
//!     sight: true,
//!     ..Action::named("fireball")
//! }];
//!
//! ringshard_world::wire! {
//!     pub struct Input { pub asks: ActionInput }
//!     pub struct Own { pub actions: ActionState<1, 1>, pub stunned: bool }
//! }
//!
//! // The step of the game's rules has this line.
//! fn step(own: &mut Own, input: &Input) {
//!     own.actions.step(&ACTIONS, &input.asks, if own.stunned { STUNNED } else { 0 });
//! }
//!
//! // The client asks, and puts the ask into its inputs.
//! let (mut own, mut asking) = (Own::default(), Asking::default());
//! own.actions.set_resource(MANA, 50);
//! let target = Aim::Entity { id: ringshard_world::EntityId { index: 7, generation: 1 } };
//! asking.ask(&own.actions, FIREBALL, target);
//! step(&mut own, &Input { asks: asking.next_input() });
//! assert_eq!(own.actions.outcome(), Outcome::Executed { action: FIREBALL, aim: target });
//! assert_eq!((own.actions.cooldown(FIREBALL), own.actions.resource(MANA)), (90, 10));
//!
//! // The next input still has the ask, which does nothing. Another ask is refused: the action is not ready.
//! step(&mut own, &Input { asks: asking.next_input() });
//! assert_eq!(own.actions.outcome(), Outcome::Nothing);
//! asking.ask(&own.actions, FIREBALL, target);
//! step(&mut own, &Input { asks: asking.next_input() });
//! assert_eq!(own.actions.decided().verdict, Verdict::Refused { why: Refusal::Cooldown });
//! ```

mod asking;
mod encoding;
mod input;
mod state;
mod table;

#[cfg(test)]
mod tests;

pub use asking::{ASK_TICKS, Asking};
pub use input::{Acted, ActionInput, Aim, CANCEL};
pub use state::{ACTIONS_MAX, ActionState, Cast, Decided, Outcome, RETRY_TICKS, Verdict};
pub use table::{Action, Target, digest};
