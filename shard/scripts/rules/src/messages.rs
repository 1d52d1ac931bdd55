//! What clients and scripts say to each other. A message has a name, to which the script gives a meaning, and values.

use crate::values::Values;
use ringshard_terrain::movement::Steering;
use ringshard_world::contract::Text;

/// Bytes of the name of a message.
pub const NAME_BYTES_MAX: usize = 24;
/// Bytes of the values of an event, and of a command between entities.
pub const EVENT_VALUES_BYTES_MAX: usize = 200;
/// Bytes of the values of an ask, and of an answer.
pub const ASK_VALUES_BYTES_MAX: usize = 600;

/// The name of a message.
pub type Name = Text<NAME_BYTES_MAX>;

ringshard_world::wire! {
    /// What a player does in one tick.
    pub struct Input {
        /// How it moves.
        pub steering: Steering,
        /// How far up it aims, in 32,768ths of half a turn.
        pub aim: i16,
        /// The buttons that it holds, a bit each: bit 0 is button 1.
        pub buttons: u16,
    }

    /// What a client asks.
    pub struct Ask { pub name: Name, pub values: Values<ASK_VALUES_BYTES_MAX> }

    /// The answer to an ask.
    pub enum Answer {
        /// What the script returned.
        Values { values: Values<ASK_VALUES_BYTES_MAX> },
        /// The script does not answer, or has failed.
        Refused,
    }

    /// A message, from either end.
    pub struct Event { pub name: Name, pub values: Values<EVENT_VALUES_BYTES_MAX> }
}
