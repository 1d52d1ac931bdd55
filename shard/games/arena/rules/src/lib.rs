//! What the server and the clients of the arena agree on: the types of its contract, the level, and the step of a player.

pub mod level;
pub mod movement;

use ringshard_world::contract::{Cooldown, Text};
use ringshard_world::{EntityId, Pose, Rules};

/// Health of a player that has just spawned.
pub const HEALTH: u8 = 100;
/// Health that a hit takes.
pub const DAMAGE: u8 = 20;
/// Health that an item gives.
pub const HEAL: u8 = 40;

ringshard_world::wire! {
    /// What a player does in one tick.
    pub struct Input {
        /// How fast it walks towards `yaw`: 127 is full speed.
        pub forward: i8,
        /// How fast it walks to the side.
        pub strafe: i8,
        /// Where it looks, in 65,536ths of a turn.
        pub yaw: u16,
        pub fire: bool,
    }

    /// What the step of a player changes.
    pub struct Body {
        pub point: [f32; 2],
        pub velocity: [f32; 2],
        pub yaw: u16,
        pub weapon: Cooldown,
        /// Counts respawns.
        pub leap: u8,
        pub alive: bool,
        /// Until the server lets a dead player respawn.
        pub respawn: Cooldown,
    }

    /// What everybody sees of a player.
    pub struct Shown {
        /// 0 when it is dead.
        pub health: u8,
        pub kills: u16,
        pub deaths: u16,
    }

    pub enum Ask {
        /// Uses the item in this slot of the inventory.
        Use { slot: u8 },
        /// Looks into the inventory.
        Look,
    }

    pub enum Answer {
        Used { left: u8, health: u8 },
        Inventory { items: [u8; 4] },
        Empty,
        Dead,
    }

    pub enum Event {
        Shot { by: EntityId, distance: u16, hit: Option<EntityId> },
        Killed { by: EntityId, whom: EntityId },
        /// A client says something.
        Say { text: Text<100> },
        /// The server tells everybody.
        Said { by: EntityId, text: Text<100> },
    }
}

/// The rules of the arena.
#[derive(Clone)]
pub struct ArenaRules;

impl Rules for ArenaRules {
    type Input = Input;
    type Own = Body;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Body, input: &Input) {
        movement::step(own, input);
    }

    fn pose(&self, own: &Body) -> Pose {
        let Body { point: [x, y], velocity: [vx, vy], yaw, leap, .. } = *own;
        Pose { point: [x, y, 0.0], velocity: [vx, vy, 0.0], rotation: [yaw, 0, 0], leap }
    }
}
