//! Entities: names, kinds, and the bits of states and buffs (PROTOCOL.md#entities).

/// Names an entity in the whole world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityId {
    /// Its place in the world's table, of which each core owns a part.
    pub index: u16,
    /// Distinguishes it from entities that had the place before.
    pub generation: u8,
}

/// Factions; they are numbered from 0.
pub const FACTIONS_MAX: u8 = 64;

/// The kind of an entity. What the kinds do is up to the game.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum EntityKind {
    /// A player's character.
    Player = 0,
    /// A non-player character.
    Npc = 1,
    /// A hostile non-player character.
    Monster = 2,
    /// A projectile.
    Projectile = 3,
    /// A changeable part of the scenery.
    Environment = 4,
    /// A building.
    StaticBuild = 5,
    /// A vehicle.
    Vehicle = 6,
    /// An item that can be picked up.
    Item = 7,
    /// A visual effect.
    Effect = 8,
}

impl EntityKind {
    /// All kinds, by number.
    pub const ALL: [EntityKind; 9] = [
        Self::Player,
        Self::Npc,
        Self::Monster,
        Self::Projectile,
        Self::Environment,
        Self::StaticBuild,
        Self::Vehicle,
        Self::Item,
        Self::Effect,
    ];

    /// The kind of that number.
    pub fn from_number(number: u8) -> Option<EntityKind> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Default distance from which it is seen, in units.
    pub fn radius(self) -> f32 {
        match self {
            Self::Player => 100_000.0,
            Self::Npc | Self::Monster | Self::Environment | Self::Effect => 50_000.0,
            Self::StaticBuild => 25_000.0,
            Self::Vehicle => 150_000.0,
            Self::Projectile => 200_000.0,
            Self::Item => 10_000.0,
        }
    }
}

/// Bits of [`State::states`](crate::State::states).
pub mod states {
    /// It is alive.
    pub const ALIVE: u8 = 0x01;
    /// It fights.
    pub const IN_COMBAT: u8 = 0x02;
    /// It moves.
    pub const MOVING: u8 = 0x04;
    /// It casts.
    pub const CASTING: u8 = 0x08;
    /// Only its faction sees it.
    pub const INVISIBLE: u8 = 0x10;
    /// It cannot act.
    pub const STUNNED: u8 = 0x20;
    /// It falls.
    pub const FALLING: u8 = 0x40;
}

/// Bits of [`State::buffs`](crate::State::buffs).
pub mod buffs {
    /// It cannot move.
    pub const FROZEN: u8 = 0x01;
    /// It loses health slowly.
    pub const POISONED: u8 = 0x02;
    /// It loses health fast.
    pub const BURNING: u8 = 0x04;
    /// It moves slowly.
    pub const SLOWED: u8 = 0x08;
    /// It cannot act.
    pub const STUNNED: u8 = 0x10;
    /// Only its faction sees it.
    pub const INVISIBLE: u8 = 0x20;
    /// It cannot be hurt.
    pub const INVULNERABLE: u8 = 0x40;
}
