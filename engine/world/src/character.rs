//! A ready-made [`Shown`](crate::Rules::Shown) for games of characters: kind, faction, states, buffs, health, mana and
//! animation. A game that needs other fields declares its own.

crate::wire! {
    /// What everybody in sight knows of a character besides its pose.
    pub struct Character {
        /// Its kind: the number of an [`EntityKind`].
        pub kind: u8,
        /// Its faction, below [`FACTIONS_MAX`].
        pub faction: u8,
        /// Bits of [`states`].
        pub states: u8,
        /// Bits of [`buffs`].
        pub buffs: u8,
        /// Health, of 255.
        pub health: u8,
        /// Mana, of 255.
        pub mana: u8,
        /// The animation that plays; the game defines the numbers.
        pub animation: u16,
        /// A score; the game defines what it counts.
        pub score: u32,
    }
}

impl Character {
    /// A character that is alive, with full health and mana.
    pub fn new(kind: EntityKind, faction: u8) -> Self {
        let kind = kind as u8;
        Character { kind, faction, states: states::ALIVE, health: u8::MAX, mana: u8::MAX, ..Character::default() }
    }

    /// Its kind; None if the number is unknown.
    pub fn entity_kind(&self) -> Option<EntityKind> {
        EntityKind::from_number(self.kind)
    }

    /// Whether it has any of these [`states`].
    pub fn is(&self, states: u8) -> bool {
        self.states & states != 0
    }

    /// Whether it has any of these [`buffs`].
    pub fn has(&self, buffs: u8) -> bool {
        self.buffs & buffs != 0
    }

    /// Sets or clears these [`states`].
    pub fn set(&mut self, states: u8, on: bool) {
        self.states = if on { self.states | states } else { self.states & !states };
    }

    /// Whether it cannot act: by a state or by a buff.
    pub fn is_stunned(&self) -> bool {
        self.is(states::STUNNED) || self.has(buffs::STUNNED)
    }

    /// Whether only its faction sees it: by a state or by a buff.
    pub fn is_invisible(&self) -> bool {
        self.is(states::INVISIBLE) || self.has(buffs::INVISIBLE)
    }

    /// Whether a character of this faction sees it.
    pub fn is_visible_to(&self, faction: u8) -> bool {
        !self.is_invisible() || self.faction == faction
    }
}

/// Most factions; they are numbered from 0.
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
}

/// Bits of [`Character::states`].
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

/// Bits of [`Character::buffs`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_and_a_buff_of_the_same_name_have_the_same_effect() {
        let one = Character::new(EntityKind::Player, 3);
        assert!(one.is(states::ALIVE) && !one.is_stunned() && !one.is_invisible());
        let by_state = Character { states: one.states | states::STUNNED | states::INVISIBLE, ..one };
        let by_buff = Character { buffs: buffs::STUNNED | buffs::INVISIBLE, ..one };
        assert!(by_state.is_stunned() && by_state.is_invisible());
        assert!(by_buff.is_stunned() && by_buff.is_invisible());
    }

    #[test]
    fn only_its_own_faction_sees_an_invisible_character() {
        let mut one = Character::new(EntityKind::Player, 3);
        assert!(one.is_visible_to(3) && one.is_visible_to(4));
        one.set(states::INVISIBLE, true);
        assert!(one.is_visible_to(3) && !one.is_visible_to(4));
        one.set(states::INVISIBLE, false);
        assert_eq!(one, Character::new(EntityKind::Player, 3));
    }

    #[test]
    fn every_kind_has_its_number() {
        for kind in EntityKind::ALL {
            assert_eq!(Character::new(kind, 0).entity_kind(), Some(kind));
        }
        assert_eq!(EntityKind::from_number(EntityKind::ALL.len() as u8), None);
    }
}
