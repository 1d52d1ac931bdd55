//! What both ends of a game must agree on: a studio's shared crate implements [`Rules`] and declares its types with
//! [`wire!`](crate::wire!).
//!
//! | module | for |
//! |---|---|
//! | [`Rules`] | the types of a game, and the step that both ends run |
//! | [`wire`](Wire) | types that have bytes |
//! | [`fields`](Fields) | states of which only the fields that changed are sent |
//! | [`text`](Text), [`cooldown`](Cooldown) | ready-made types |
//! | [`schema`](Schema) | numbers that both ends compare, so that a client with other types or another map is refused |
//!
//! ```
//! use ringshard_world::{Pose, Rules};
//!
//! ringshard_world::wire! {
//!     pub struct Input { pub right: i8, pub jump: bool }
//!     pub struct Body { pub x: f32, pub height: f32, pub fall: f32 }
//!     pub struct Shown { pub health: u8 }
//!     pub enum Ask { Heal { slot: u8 } }
//!     pub enum Answer { Healed { health: u8 }, Empty }
//!     pub enum Event { Jumped }
//! }
//!
//! struct Hopping { gravity: f32 }
//!
//! impl Rules for Hopping {
//!     type Input = Input;
//!     type Own = Body;
//!     type Shown = Shown;
//!     type Ask = Ask;
//!     type Answer = Answer;
//!     type Event = Event;
//!
//!     fn step(&self, own: &mut Body, input: &Input) {
//!         own.x += f32::from(input.right) / 127.0;
//!         own.fall = if own.height > 0.0 { own.fall + self.gravity } else { 0.0 };
//!         own.height = (own.height - own.fall).max(0.0);
//!         if input.jump && own.height == 0.0 {
//!             own.height = 1.0;
//!         }
//!     }
//!
//!     fn pose(&self, own: &Body) -> Pose {
//!         Pose { point: [own.x, 0.0, own.height], ..Pose::default() }
//!     }
//! }
//! ```

mod cooldown;
mod declare;
mod fields;
mod schema;
mod text;
mod wire;

pub use cooldown::Cooldown;
pub use fields::{Fields, read_difference, write_difference};
pub use schema::{ContractPart, Schema, mix};
pub use text::Text;
pub use wire::Wire;

use crate::limits::{ASK_BYTES_MAX, EVENT_BYTES_MAX, INPUT_BYTES_MAX, OWN_BYTES_MAX, SHOWN_BYTES_MAX};
use crate::pose::Pose;

/// The rules of a game, which its server and its clients share.
///
/// A value of it may hold what steps need beside their arguments, such as the geometry of a map. Both ends must then hold
/// the same: [`level`](Self::level) lets them compare it.
pub trait Rules: Send + 'static {
    /// What a player does in one tick. Its default is neutral: the server uses it for a player whose inputs stay away.
    type Input: Fields;
    /// The player's own state, which steps change. It is sent to the player alone; the client predicts it.
    type Own: Fields;
    /// What everybody in sight of an entity knows of it besides its pose.
    type Shown: Fields;
    /// What a client asks. Each is answered once.
    type Ask: Wire;
    /// The answer to an ask.
    type Answer: Wire;
    /// What happens and is not kept: shots, chat, kills. Both ends send them.
    type Event: Wire;

    /// Advances the state of one player by one tick. The server and the client run the same code: the result must depend on
    /// nothing but the arguments and this value.
    fn step(&self, own: &mut Self::Own, input: &Self::Input);

    /// Where a player with this state is. Its body is moved there after each step.
    fn pose(&self, own: &Self::Own) -> Pose;

    /// Whether a predicted state is as good as the server's. By default they must be equal. Clients whose arithmetic
    /// differs from the server's in the last digits can allow for that here.
    fn agrees(&self, predicted: &Self::Own, authoritative: &Self::Own) -> bool {
        predicted == authoritative
    }

    /// The state that differences of [`Self::Own`] begin from.
    fn blank_own(&self) -> Self::Own {
        Self::Own::default()
    }

    /// The state that differences of [`Self::Shown`] begin from.
    fn blank_shown(&self) -> Self::Shown {
        Self::Shown::default()
    }

    /// The input that differences of [`Self::Input`] begin from; it is neutral.
    fn neutral_input(&self) -> Self::Input {
        Self::Input::default()
    }

    /// A number for what both ends must have alike beside the types: the digest of a map. The server refuses a client with
    /// another number. By default it is 0, which agrees with every number.
    fn level(&self) -> u32 {
        0
    }

    /// The numbers of the types and of the level, which both ends compare (PROTOCOL.md#entering).
    fn schema(&self) -> Schema {
        const {
            assert!(Self::Input::BYTES_MAX <= INPUT_BYTES_MAX, "an Input is too large: see INPUT_BYTES_MAX");
            assert!(Self::Own::BYTES_MAX <= OWN_BYTES_MAX, "an Own is too large: see OWN_BYTES_MAX");
            assert!(Self::Shown::BYTES_MAX <= SHOWN_BYTES_MAX, "a Shown is too large: see SHOWN_BYTES_MAX");
            assert!(Self::Ask::BYTES_MAX <= ASK_BYTES_MAX, "an Ask is too large: see ASK_BYTES_MAX");
            assert!(Self::Answer::BYTES_MAX <= ASK_BYTES_MAX, "an Answer is too large: see ASK_BYTES_MAX");
            assert!(Self::Event::BYTES_MAX <= EVENT_BYTES_MAX, "an Event is too large: see EVENT_BYTES_MAX");
        }
        Schema([
            Self::Input::SCHEMA,
            Self::Own::SCHEMA,
            Self::Shown::SCHEMA,
            Self::Ask::SCHEMA,
            Self::Answer::SCHEMA,
            Self::Event::SCHEMA,
            self.level(),
        ])
    }
}
