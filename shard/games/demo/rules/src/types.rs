//! What both ends of the demonstration send.

use crate::TEXT_BYTES_MAX;
use ringshard_world::EntityId;
use ringshard_world::contract::{Cooldown, Text};

/// Bits of [`Input::actions`].
pub mod actions {
    /// Shoots in the direction that the player faces.
    pub const SHOOT: u8 = 0x01;
}

ringshard_world::wire! {
    /// What a player does in one tick. By default it stands.
    pub struct Input {
        /// Where it walks, in 65,536ths of a turn from the x axis towards the y axis.
        pub direction: u16,
        /// How fast it walks, in 255ths of its highest speed.
        pub pace: u8,
        /// Bits of [`actions`].
        pub actions: u8,
    }

    /// The player's own state.
    pub struct Own {
        /// Where it is, in units.
        pub point: [f32; 2],
        /// How it moves, in units per second.
        pub velocity: [f32; 2],
        /// Where it faces, in 65,536ths of a turn.
        pub direction: u16,
        /// Counts restarts at another point.
        pub leap: u8,
        /// Time until it can shoot again.
        pub shot: Cooldown,
        /// Potions that are left. Only the server changes this and the following fields.
        pub potions: u8,
        /// It cannot walk or shoot.
        pub stunned: bool,
        /// It cannot walk.
        pub frozen: bool,
        /// It walks at half speed.
        pub slowed: bool,
    }

    /// What a player asks.
    pub enum Ask {
        /// It wants to drink a potion, which restores health.
        Drink,
        /// It wants to be invisible to other factions for a while, which costs mana.
        Hide,
        /// It wants to start again at another point, with full health, mana and potions.
        Restart,
    }

    /// The answer to an [`Ask`].
    pub enum Answer {
        /// It has drunk: its health, of 255, and the potions that are left.
        Drunk { health: u8, potions: u8 },
        /// It is invisible for so many ticks, and has this mana left, of 255.
        Hidden { ticks: u16, mana: u8 },
        /// It starts again.
        Restarted,
        /// Nothing happens.
        Refused { why: Refusal },
    }

    /// Why nothing happens.
    pub enum Refusal {
        /// The player has no body.
        NoBody,
        /// It is unhurt.
        Unhurt,
        /// No potion is left.
        NoPotion,
        /// It has too little mana.
        NoMana,
        /// It may ask again after so many ticks.
        TooEarly { ticks: u16 },
    }

    /// What happens.
    pub enum Event {
        /// From a client: the player says something.
        Say { text: Text<TEXT_BYTES_MAX> },
        /// A player nearby, or the player itself, has said something.
        Said { by: EntityId, text: Text<TEXT_BYTES_MAX> },
        /// The player was hit, and lost so much health, of 255.
        Hit { by: EntityId, damage: u8 },
        /// A projectile of the player's has hit.
        Scored { on: EntityId },
        /// An entity in sight was beaten, and starts again at another point.
        Beaten { by: EntityId, who: EntityId },
    }
}
