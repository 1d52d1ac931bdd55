//! What an entity is called, what kinds there are, and the flags it carries (A2, A7).

/// Names an entity, world-wide: its place in the world's table, and how often that was taken before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityId {
    /// Its place in the table. Each core owns a part of it.
    pub index: u16,
    /// Tells it from those that had the place before.
    pub generation: u8,
}

/// Sides that an entity may be on.
pub const FACTIONS_MAX: u8 = 64;

/// What sort of thing an entity is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum EntityKind {
    /// Someone's.
    Player = 0,
    /// Harmless.
    Npc = 1,
    /// Not so.
    Monster = 2,
    /// On its way.
    Projectile = 3,
    /// Scenery that may change.
    Environment = 4,
    /// Built, and stays.
    StaticBuild = 5,
    /// Carries others.
    Vehicle = 6,
    /// To be picked up.
    Item = 7,
    /// To be seen.
    Effect = 8,
}

impl EntityKind {
    /// All of them, by number.
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

    /// From how far it is seen unless the game says otherwise, in units (A3).
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

/// What an entity is doing (A2): a bit each.
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

/// What has been done to an entity (A7): a bit each.
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
