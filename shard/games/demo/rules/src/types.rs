//! What both ends of the demonstration send.

use crate::TEXT_BYTES_MAX;
use ringshard_world::EntityId;
use ringshard_world::contract::{Cooldown, Text};

/// Bits of [`Input::actions`].
pub mod actions {
    /// Shoots where the player looks.
    pub const SHOOT: u8 = 0x01;
}

ringshard_world::wire! {
    /// What a player does in one tick. By default it stands, and looks where it looked before.
    pub struct Input {
        /// How fast it goes where it looks: 127 is full speed, -127 full speed backwards.
        pub forward: i8,
        /// How fast it goes to its left.
        pub left: i8,
        /// Where it looks, in 65,536ths of a turn from the x axis towards the y axis.
        pub yaw: u16,
        /// Bits of [`keys`](ringshard_terrain::movement::keys).
        pub keys: u8,
        /// Bits of [`actions`].
        pub actions: u8,
    }

    /// The player's own state.
    pub struct Own {
        /// Where its feet are along x and y, in units.
        pub point: [f32; 2],
        /// How it moves along x and y, in units per second.
        pub velocity: [f32; 2],
        /// Where it looks, in 65,536ths of a turn.
        pub yaw: u16,
        /// The height of its feet, in units. On level ground this and `rise` do not change, so they are not sent.
        pub height: f32,
        /// How fast it rises, in units per second.
        pub rise: f32,
        /// Time until it can shoot again.
        pub shot: Cooldown,
        /// The number of its [`Gait`](ringshard_terrain::movement::Gait).
        pub gait: u8,
        /// Counts restarts at another point.
        pub leap: u8,
        /// Potions that are left. Only the server changes this and the following fields.
        pub potions: u8,
        /// It cannot move or shoot.
        pub stunned: bool,
        /// It cannot move.
        pub frozen: bool,
        /// It moves at half speed.
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
